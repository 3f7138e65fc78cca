"""Put faults into a model, compare it with its twins, and see which module is named."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

import hpass
from hpass.comparing.comparison import Comparison
from hpass.comparing.outliers import ROUNDING_DB

from .faults import KINDS, Place, places
from .twins import TWINS, twin

_SEEN_DB = 60.0
"""A fault is used if the outputs of the plain model have at most this ratio to those of the original, in decibels."""

_ALWAYS_DIFFERENT_DB = 1000.0
"""A threshold that only equal outputs reach, so that compare always searches."""

_LOWERED_DB = 10.0
"""A fault counts if it lowers the local ratio of its module by so much against the twin without it, in decibels."""

_MAX_TRIALS = 12


@dataclass(frozen=True)
class Row:
    """A comparison. `module` is None for a twin without a fault. Ratios are in decibels.

    local_without: None if the module was right by so much that compare did not look into the one around it.
    """

    file: str
    twin: str
    kind: str
    what: str
    module: str | None
    first: str | None
    local: float | None = None
    local_without: float | None = None
    outputs: float | None = None
    runs: int = 0
    error: str | None = None

    @property
    def counts(self) -> bool:
        """Whether the fault can be told from what the conversion itself does."""
        if self.local is None:
            # An optimiser merged the module with others.
            return self.error is None
        without = ROUNDING_DB if self.local_without is None else self.local_without
        return self.local <= without - _LOWERED_DB

    @property
    def is_right(self) -> bool:
        """Whether the module with the fault is named, or none if there is none."""
        return self.error is None and self.first == self.module


class Subject:
    """An exported model in a folder of the cache, its twins without a fault, and what these differ by."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.inputs = folder / "inputs.npz"
        self.model = onnx.load(folder / "model.onnx")
        self.truth: list[str | None] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        self._without: dict[str, Comparison | str] = {}

    def unfaulted(self) -> Iterator[Row]:
        """Compare the model with each of its twins."""
        for kind in TWINS:
            found = self._compare(self.model, self.model, kind)
            self._without[kind] = found
            if isinstance(found, str):
                yield Row(self.name, kind, "none", "", None, None, error=found)
            else:
                yield Row(
                    self.name,
                    kind,
                    "none",
                    "",
                    None,
                    found.first,
                    outputs=_finite(found.outputs.quality),
                    runs=found.runs,
                )

    def faulted(self, kinds: Sequence[str], count: int) -> Iterator[Row]:
        """Put a number of faults, of these kinds as far as the model has places for them, and compare each twin."""
        chance = random.Random(self.name)  # noqa: S311 - the same places at each run
        by_kind = places(self.model, self.truth)
        used = 0
        for kind in kinds:
            if used == count:
                return
            found = by_kind[kind]
            chance.shuffle(found)
            place = next((place for place in found[:_MAX_TRIALS] if self._is_seen(place)), None)
            if place is not None:
                used += 1
                yield from self._with_fault(place)

    def _with_fault(self, place: Place) -> Iterator[Row]:
        spoiled = onnx.ModelProto()
        spoiled.CopyFrom(self.model)
        place.change(spoiled)
        for kind in ("float16",) if place.is_latent else TWINS:
            original = spoiled if place.is_latent else self.model
            found = self._compare(original, spoiled, kind)
            if isinstance(found, str):
                yield Row(self.name, kind, place.kind, place.what, place.scope, None, error=found)
                continue
            first, runs = found.first, found.runs
            if place.scope and place.scope not in (*found.modules, *found.unpaired):
                everything = self._compare(original, spoiled, kind, everything=True)
                found = found if isinstance(everything, str) else everything
            without = self._without[kind]
            yield Row(
                self.name,
                kind,
                place.kind,
                place.what,
                place.scope,
                first,
                _local(found, place.scope),
                None if isinstance(without, str) else _local(without, place.scope),
                _finite(found.outputs.quality),
                runs,
            )

    def _compare(
        self, original: onnx.ModelProto, model: onnx.ModelProto, kind: str, *, everything: bool = False
    ) -> Comparison | str:
        made = twin(kind, model, self.inputs)
        if isinstance(made, str):
            return f"no twin: {made}"
        try:
            return hpass.compare(
                original, made, inputs=self.inputs, threshold=_ALWAYS_DIFFERENT_DB, everything=everything
            )
        except hpass.HpassError as error:
            return str(error)

    def _is_seen(self, place: Place) -> bool:
        if place.is_latent:
            return True
        spoiled = onnx.ModelProto()
        spoiled.CopyFrom(self.model)
        place.change(spoiled)
        try:
            expected, found = self._run(self.model), self._run(spoiled)
        except Exception:  # noqa: BLE001 - onnxruntime raises many types; such a fault needs no comparison
            return False
        is_seen = False
        for one, two in zip(expected, found, strict=True):
            if one.shape != two.shape or one.dtype != two.dtype or not np.isfinite(two).all():
                return False
            noise = float(np.square(one.astype(float) - two.astype(float)).sum())
            signal = float(np.square(one.astype(float)).sum())
            is_seen |= noise > signal * 10 ** (-_SEEN_DB / 10)
        return is_seen

    def _run(self, model: onnx.ModelProto) -> list[np.ndarray]:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        with np.load(self.inputs) as inputs:
            given = {value.name: inputs[value.name] for value in session.get_inputs()}
        return [np.asarray(value) for value in session.run(None, given)]


def measure(folders: Sequence[Path], count: int, shard: tuple[int, int]) -> Iterator[Row]:
    """Compare models in folders of the cache with their twins, with `count` faults in all and without.

    `shard` is the number of the first folder to measure and the step to the next ones.
    """
    first, step = shard
    for number, folder in list(enumerate(folders))[first::step]:
        subject = Subject(folder)
        yield from subject.unfaulted()
        share = count * (number + 1) // len(folders) - count * number // len(folders)
        start = number * 3 % len(KINDS)
        yield from subject.faulted((*KINDS[start:], *KINDS[:start]), share)


def as_json(row: Row) -> str:
    """Return a row as a line of JSON."""
    return json.dumps(asdict(row))


def _local(found: Comparison, scope: str) -> float | None:
    if not scope:
        return _finite(found.outputs.quality)
    module = found.modules.get(scope)
    if module is None and found.outputs.is_equal:
        return _finite(math.inf)
    return None if module is None or module.local is None else _finite(module.local.quality)


def _finite(ratio: float) -> float:
    return max(-200.0, min(ratio, 200.0))

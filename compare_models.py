"""Compare what two models compute, and find the module that goes wrong first."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .api import TAGGING, ModelSource, Run, as_reference, ensure_tagged, load, run
from .comparing.arithmetic import THRESHOLDS_DB
from .comparing.comparison import Comparison
from .comparing.descent import Descent
from .comparing.exclusion import exclusions
from .comparing.fault import find_fault
from .comparing.measure import Measurement
from .comparing.outliers import first_outlier, outliers
from .comparing.pairing import pairing
from .comparing.parts import Parts, scope_of
from .comparing.recorded import Calls, Recorded, RecordedMeasurement, RecordedModel, border_values
from .comparing.side import ComparedModel
from .comparing.values import Values, computing, read_inputs
from .comparing.weights import WeightComparison, compare_weights
from .errors import HpassError, UsageError, nearest
from .graph.folded_nodes import with_folded_nodes
from .graph.plain_copy import PlainCopy, plain_copy
from .running.inputs import make_inputs
from .running.settings import SessionSettings
from .tags.module_table import ModuleTable
from .tags.scope import is_descendant, lca

_PLAIN = SessionSettings("none")


def compare(
    a: ModelSource,
    b: ModelSource,
    *,
    inputs: str | Path | Sequence[str | Path] = (),
    runs: int = 1,
    sizes: Mapping[str, int] | None = None,
    threshold: float | Mapping[str, float] | None = None,
    settings: tuple[SessionSettings, SessionSettings] = (_PLAIN, _PLAIN),
    everything: bool = False,
    weights: bool = True,
    suggest: int = 0,
) -> Comparison:
    """Run two models on the same inputs in onnxruntime, in a process of its own, and find where they part.

    A model without tags is tagged in memory, B with A as its reference. `inputs` are .npz files; without one, inputs
    are made up for this number of runs, with free dimensions of the given `sizes` by name. `threshold` is the
    signal-to-noise ratio in decibels from which on outputs agree, or a mapping of such ratios by what the models
    compute in: float32, float16 or int8. `settings` are those of the sessions of A and B. If `everything` is True, all
    modules are measured; otherwise those that may be to blame, and none if the outputs agree. If `weights` is False,
    weights are not compared by their contents. If `suggest` is positive, all modules are measured, and so many at most
    are looked for whose exclusion from the conversion makes the outputs better.

    Raises UsageError if an argument is wrong, and HpassError if a model cannot be opened or does not run, or if the two
    have nothing in common.
    """
    tagged_a, model_b = ensure_tagged(a), load(b)
    is_tagged = model_b.stored_version is not None
    tagged_b = run(model_b, TAGGING, reference=None if is_tagged else as_reference(tagged_a))
    copy_a, copy_b = _plain(tagged_a), _plain(tagged_b)
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder, computing() as compute:
        scratch = Path(folder)
        one, two = (
            ComparedModel(found.model.name, found.model.folder, copy, setting, scratch / side)
            for found, copy, setting, side in (
                (tagged_a, copy_a, settings[0], "a"),
                (tagged_b, with_folded_nodes(copy_b, copy_a), settings[1], "b"),
            )
        )
        given = list(_inputs(tagged_a, inputs, runs, sizes or {}, scratch))
        measurement = Measurement(one, two, given, pairing(one.borders, two.borders, _input_names(one, two)), compute)
        found = _find(measurement, tagged_a.modules, threshold, everything=everything, suggest=suggest)
    return replace(found, weights=_weights(tagged_a, tagged_b, one) if weights else None)


def compare_recorded(
    name: str,
    recorded: Calls,
    inputs: Mapping[str, Path],
    table: ModuleTable,
    b: ModelSource,
    *,
    threshold: float | Mapping[str, float] | None = None,
    setting: SessionSettings = _PLAIN,
    everything: bool = False,
) -> Comparison:
    """Compare what a model computes with a recorded run of the PyTorch model that it comes from.

    `name` is what messages call the PyTorch model, `recorded` are the files of the tensors that its modules read and
    wrote, `inputs` those of its inputs, and `table` are its modules. The rest is as in `compare`.
    """
    tagged = run(b, TAGGING, modules=table)
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder, computing() as compute:
        scratch, copy, model = Path(folder), _plain(tagged), tagged.model
        one = RecordedModel(name, model.folder, copy, setting, scratch / "a")
        two = ComparedModel(model.name, model.folder, copy, setting, scratch / "b")
        paired = Recorded(border_values(two.borders, recorded))
        measurement = RecordedMeasurement(one, two, [Values(inputs)], paired, compute, calls=recorded)
        return _find(measurement, tagged.modules, threshold, everything=everything)


def _find(
    measurement: Measurement,
    table: ModuleTable,
    threshold: float | Mapping[str, float] | None,
    *,
    everything: bool,
    suggest: int = 0,
) -> Comparison:
    one, two = measurement.a, measurement.b
    descent = Descent(measurement, Parts(one.borders, two.borders, table))
    outputs = descent.outputs()
    bar = _threshold(threshold, (one.arithmetic, two.arithmetic))
    random = list(dict.fromkeys((*one.borders.random_scopes, *two.borders.random_scopes)))
    is_right = outputs.quality >= bar and not random
    everything = everything or suggest > 0
    candidates = descent.search(outputs, everything=everything) if everything or not is_right else []
    if not is_right and descent.parts.unpaired and all(pair.is_own for pair in descent.pairs.values()):
        raise HpassError(f"{one.name} and {two.name} have no module in common; compare a model with what it became")
    first = None if is_right else first_outlier(candidates)
    quality = {candidate.name: candidate.quality for candidate in candidates}
    fault = None if first is None else find_fault(measurement, descent.pairs[first], quality[first])
    scope = None if fault is None else fault.scope
    excluded = exclusions(measurement, candidates, descent.pairs, outputs, suggest) if suggest else None
    return Comparison(
        a=one.name,
        b=two.name,
        outputs=outputs,
        threshold=bar,
        first=scope,
        path=[] if scope is None else ["", *(name for name in descent.modules if is_descendant(scope, name))],
        outliers={scope_of(name): drop for name, drop in outliers(candidates).items()},
        modules=descent.modules,
        unpaired=list(descent.parts.unpaired),
        random=random,
        fault=fault,
        weights=None,
        inputs=len(measurement.inputs),
        runs=measurement.runs,
        exclusions=excluded,
    )


def _plain(tagged: Run) -> PlainCopy:
    return plain_copy(tagged.model.snapshot(tagged.tags(), tagged.modules).for_runtime())


def _inputs(
    tagged: Run, inputs: str | Path | Sequence[str | Path], runs: int, sizes: Mapping[str, int], scratch: Path
) -> Iterator[Values]:
    """Yield each of the inputs: those of the files or, without files, inputs that are made up."""
    paths = [Path(path) for path in ([inputs] if isinstance(inputs, (str, Path)) else inputs)]
    for number in range(0 if paths else runs):
        paths.append(scratch / f"inputs{number}.npz")
        make_inputs(tagged.model, paths[-1], sizes, seed=number)
    for number, path in enumerate(paths):
        folder = scratch / f"inputs{number}"
        folder.mkdir()
        yield read_inputs(path, folder)


def _input_names(one: ComparedModel, two: ComparedModel) -> dict[str, str]:
    """Return the inputs of A by those of B: of the same name or, if a name is missing, all in order."""
    names = {name: name for name in two.inputs if name in one.inputs}
    if len(names) < len(two.inputs) == len(one.inputs):
        return dict(zip(two.inputs, one.inputs, strict=True))
    return names


def _threshold(given: float | Mapping[str, float] | None, arithmetics: Iterable[str]) -> float:
    if isinstance(given, (int, float)):
        return float(given)
    for name in given or ():
        if name not in THRESHOLDS_DB:
            raise UsageError(f"no threshold for '{name}'{nearest(name, THRESHOLDS_DB)}")
    thresholds = {**THRESHOLDS_DB, **(given or {})}
    return min(thresholds[name] for name in arithmetics)


def _weights(tagged_a: Run, tagged_b: Run, one: ComparedModel) -> WeightComparison:
    scopes: dict[str, list[str]] = {}
    for node, scope in zip(one.borders.graph.nodes, one.borders.scopes, strict=True):
        for name in node.reads:
            if name in one.borders.graph.weights:
                scopes.setdefault(name, []).append(scope)
    return compare_weights(tagged_a.model, tagged_b.model, {name: lca(found) for name, found in scopes.items()})

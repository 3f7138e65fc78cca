"""How much of a model's time is mapped, and how many nodes are in the module that the oracle finds."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx

import hpass
from hpass.api import ensure_tagged, read_modules, run
from hpass.errors import HpassError
from hpass.graph.plain_copy import plain_copy
from hpass.profiling.node_modules import ModuleLookup
from hpass.tags.tag_format import Source

from .oracle import expected_modules


@dataclass(frozen=True)
class Subject:
    """A model to profile. `reference` is the model that a quantiser read, which tags are restored from."""

    group: str
    name: str
    path: Path
    reference: Path | None = None


@dataclass(frozen=True)
class Row:
    """What was found.

    mapped: the share of time that a module got.
    compared, agreeing: the nodes that both ways know, and those that agree.
    missing: what own times and unmapped time lack of the time of all nodes, as a share of it.
    plain_ms, profiled_ms: the wall time of a run without profiling, and with it.
    failure: the reason if the model does not run.
    """

    subject: Subject
    mapped: float = 0.0
    compared: int = 0
    agreeing: int = 0
    missing: float = 0.0
    plain_ms: float = 0.0
    profiled_ms: float = 0.0
    failure: str | None = None


def measure(subject: Subject) -> Row:
    """Profile a model, and compare the modules of its nodes with those of the oracle."""
    tagged = tag(subject)
    try:
        profile = hpass.profile(tagged, runs=5, warmup=2, inputs=inputs_of(subject))
    except HpassError as error:
        return Row(subject, failure=str(error))
    compared, agreeing = compare(tagged)
    parts = sum(module.own_us for module in profile.modules.values()) + profile.unmapped.us
    return Row(
        subject,
        profile.mapped,
        compared,
        agreeing,
        missing=abs(profile.profiled_us - parts) / profile.profiled_us,
        plain_ms=(profile.total_us or 0.0) / 1e3,
        profiled_ms=(profile.profiled_wall_us or 0.0) / 1e3,
    )


def tag(subject: Subject) -> hpass.Run:
    """Tag a model as a user would: with what is known of it."""
    if subject.reference is None:
        return ensure_tagged(subject.path)
    table = subject.path.with_name("modules.json")
    return run(subject.path, reference=subject.reference, modules=read_modules(table) if table.exists() else None)


def inputs_of(subject: Subject) -> Path | None:
    """Return the inputs of the export, if the cache has them."""
    inputs = subject.path.with_name("inputs.npz")
    return inputs if inputs.exists() else None


def compare(tagged: hpass.Run) -> tuple[int, int]:
    """Return the number of nodes at the default level whose module the oracle knows, and of those that agree."""
    plain = plain_copy(tagged.model.snapshot(tagged.tags(), tagged.modules).proto)
    scopes = {name: tag.scope for name, tag in plain.tags.items() if tag.source is not Source.FALLBACK or tag.scope}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(plain.proto.SerializeToString())
        for location in tagged.model.locations:
            (Path(folder) / location).symlink_to((Path(tagged.model.name).parent / location).absolute())
        try:
            expected = expected_modules(path, scopes, Path(folder))
        except Exception:  # noqa: BLE001 - onnxruntime does not save every model
            return 0, 0
        saved = onnx.load(Path(folder) / "all.onnx", load_external_data=False)
    found = ModuleLookup(plain.tags, tagged.modules).of_optimised(plain.proto, saved).named
    agreeing = [name for name, scope in expected.items() if found[name].scope == tagged.modules.nearest_called(scope)]
    return len(expected), len(agreeing)

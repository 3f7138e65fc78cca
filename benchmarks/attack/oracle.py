"""What is a fault: a model is tagged without loss and twice alike, or refused in one line; all else is a fault."""

from __future__ import annotations

import time
import traceback
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import onnx

import hpass
from hpass.errors import HpassError
from hpass.graph.files.model_file import parse
from hpass.graph.walk import all_nodes
from hpass.observers import Verification
from hpass.passes.findings import Severity
from hpass.pipeline import ALL

from .peak_memory import peak_memory

PACKAGE = Path(hpass.__file__).parent
PREFIX = "hpass."
SECONDS = 10.0  # of the processor, for all runs of one mutant
MEGABYTES = 500.0  # growth of the peak


class Verdict(StrEnum):
    """What became of a mutant: tagged, refused in one line, or a fault."""

    TAGGED = "tagged"
    REFUSED = "refused"
    TRACEBACK = "traceback"
    BUG = "assertion"
    LOSS = "loss"
    BAD_TAG = "bad tag"
    UNSTABLE = "second run differs"
    SLOW = "over 10 s"
    MEMORY = "over 500 MB"
    DEATH = "process ended"


FAULTS = [verdict for verdict in Verdict if verdict not in (Verdict.TAGGED, Verdict.REFUSED)]


class Outcome(NamedTuple):
    """A verdict, and where it arose: the innermost place in hpass, or the rule that is broken."""

    verdict: Verdict
    where: str = ""


class _FaultError(Exception):
    def __init__(self, verdict: Verdict, where: str = "") -> None:
        super().__init__(where)
        self.outcome = Outcome(verdict, where)


def examine(file: Path, passes: str | hpass.Pipeline = ALL) -> Outcome:
    """Tag the model in a file, check the result, tag it again, and return what became of it.

    The file is replaced by its tagged form.
    """
    started, peak = time.process_time(), peak_memory()
    try:
        outcome = _outcome(file, passes)
    except _FaultError as fault:
        outcome = fault.outcome
    except AssertionError as error:
        outcome = Outcome(Verdict.BUG, _innermost(error))
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        outcome = Outcome(Verdict.TRACEBACK, _innermost(error))
    if outcome.verdict not in (Verdict.TAGGED, Verdict.REFUSED):
        return outcome
    if time.process_time() - started > SECONDS:
        return Outcome(Verdict.SLOW)
    return Outcome(Verdict.MEMORY) if peak_memory() - peak > MEGABYTES else outcome


def _outcome(file: Path, passes: str | hpass.Pipeline) -> Outcome:
    try:
        original = parse(file.read_bytes(), "the mutant")
        first = hpass.run(file, passes, observer=Verification())
    except HpassError:
        return Outcome(Verdict.REFUSED)
    data = first.apply().SerializeToString()
    written = parse(data, "the tagged mutant")
    _check_loss(original, written)
    for finding in (*first.findings, *hpass.validate(written)):
        if finding.severity is Severity.ERROR:
            raise _FaultError(Verdict.BAD_TAG, finding.rule)
    file.write_bytes(data)
    try:
        second = hpass.run(file, passes)
    except HpassError as error:
        raise _FaultError(Verdict.UNSTABLE, f"refused: {_innermost(error)}") from error
    if second.apply().SerializeToString() != data:
        raise _FaultError(Verdict.UNSTABLE, _first_change(written, second.model.proto))
    return Outcome(Verdict.TAGGED)


def _check_loss(original: onnx.ModelProto, written: onnx.ModelProto) -> None:
    if _without_tags(original).SerializeToString(deterministic=True) != _without_tags(written).SerializeToString(
        deterministic=True
    ):
        raise _FaultError(Verdict.LOSS)


def _without_tags(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy without the keys of hpass, by code that hpass does not share."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for holder in (copy, *all_nodes(copy)):
        kept = [entry for entry in holder.metadata_props if not str(entry.key).startswith(PREFIX)]
        if len(kept) < len(holder.metadata_props):
            kept = [onnx.StringStringEntryProto.FromString(entry.SerializeToString()) for entry in kept]
            del holder.metadata_props[:]
            holder.metadata_props.extend(kept)
    return copy


def _first_change(first: onnx.ModelProto, second: onnx.ModelProto) -> str:
    """Return which keys the first changed holder has that differ."""
    for old, new in zip((first, *all_nodes(first)), (second, *all_nodes(second)), strict=False):
        before, after = ([(entry.key, entry.value) for entry in holder.metadata_props] for holder in (old, new))
        if before != after:
            return ", ".join(sorted({str(key) for key, _ in set(before) ^ set(after)})) or "order of the keys"
    return "outside of metadata"


def _innermost(error: BaseException) -> str:
    """Return the class of an error and the innermost place in hpass that it came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_product(Path(frame.filename))]
    if not frames:
        return type(error).__name__
    place = Path(frames[-1].filename).relative_to(PACKAGE).as_posix()
    return f"{type(error).__name__} in {place}:{frames[-1].name}"


def is_product(file: Path, package: Path = PACKAGE) -> bool:
    """Whether a source file belongs to hpass itself, not to its benchmarks and tests."""
    return file.is_relative_to(package) and file.relative_to(package).parts[0] not in {"benchmarks", "tests"}

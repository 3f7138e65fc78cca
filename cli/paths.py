"""Where results go: the names of written files, and which of them are refused."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError

STREAM = Path("-")


def default_output(source: Path) -> Path:
    """Return where the tagged model goes if nobody says: `model.onnx` becomes `model.tagged.onnx`.

    Raises UsageError for a path that can name no file (`.`, `/`).
    """
    if not source.name:
        raise UsageError(f"{source}: a folder, not a model; name the .onnx file in it")
    return STREAM if source == STREAM else source.with_name(f"{source.stem}.tagged{source.suffix or '.onnx'}")


def written_to(source: Path, output: Path | None, *, in_place: bool) -> Path:
    """Return the file that one input is written to; in a folder it keeps its name.

    Raises UsageError where the options do not say, or contradict each other.
    """
    if in_place:
        if source == STREAM:
            raise UsageError("--in-place cannot write to standard input; name a file, or leave it out")
        if output is not None and not same_file(source, output):
            raise UsageError(f"--in-place and -o {output} contradict each other; give one of them")
        return source
    if output is None:
        raise UsageError("where to? name a file with -o OUT, or write over the input with --in-place")
    if output == STREAM:
        return output
    target = output / source.name if output.is_dir() and source != STREAM else output
    if same_file(source, target):
        raise UsageError(f"-o {output} is the input itself; add --in-place to write over it")
    return target


def tagged_outputs(sources: list[Path], output: Path | None, *, in_place: bool) -> list[Path]:
    """Return the file that each input of `hpass run` is written to.

    With several inputs `output` is a folder. Raises UsageError where two files would meet, or where
    options contradict each other.
    """
    if STREAM in sources and len(sources) > 1:
        raise UsageError("- (standard input) goes alone; leave out the other inputs")
    if len(sources) > 1 and output is not None and not output.is_dir():
        raise UsageError(f"with several inputs -o names a folder, and {output} is none; create it first")
    targets = [written_to(source, _tagged(source, output, in_place=in_place), in_place=in_place) for source in sources]
    taken: dict[str, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        other = taken.setdefault(os.path.realpath(target), source)
        if other is not source:
            raise UsageError(f"{other} and {source} would both be written to {target}; run them apart")
    read = {os.path.realpath(source) for source in sources}
    for target in targets:
        if not in_place and target != STREAM and os.path.realpath(target) in read:
            raise UsageError(f"{target} is written and read in the same run; leave it out of the inputs")
    return targets


def _tagged(source: Path, output: Path | None, *, in_place: bool) -> Path | None:
    if in_place:
        return output
    default = default_output(source)
    if output is None:
        return default
    return output / default.name if output.is_dir() and source != STREAM else output


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file; links count as what they lead to."""
    return os.path.realpath(one) == os.path.realpath(other) or (one.exists() and other.exists() and one.samefile(other))

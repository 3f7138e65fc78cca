"""Choose the paths of output files, and reject paths that would overwrite an input."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError

STREAM = Path("-")


def default_output(source: Path) -> Path:
    """Return the default path of the tagged model: `model.tagged.onnx` for `model.onnx`.

    Raises UsageError if the path cannot name a file (`.`, `/`).
    """
    if not source.name:
        raise UsageError(f"{source}: is a folder, not a model; name the .onnx file in it")
    return STREAM if source == STREAM else source.with_name(f"{source.stem}.tagged{source.suffix or '.onnx'}")


def output_path(source: Path, output: Path | None, *, in_place: bool) -> Path:
    """Return the path that the model of one input is written to. If `output` is a folder, the file keeps its name.

    Raises UsageError if the options name no output or contradict each other.
    """
    if in_place:
        if source == STREAM:
            raise UsageError("--in-place cannot write to standard input; name a file, or remove --in-place")
        if output is not None and not same_file(source, output):
            raise UsageError(f"--in-place and -o {output} contradict each other; give one of them")
        return source
    if output is None:
        raise UsageError("no output given; name a file with -o OUT, or overwrite the input with --in-place")
    if output == STREAM:
        return output
    target = output / source.name if output.is_dir() and source != STREAM else output
    if same_file(source, target):
        raise UsageError(f"-o {output} is the input itself; add --in-place to overwrite it")
    return target


def output_paths(sources: list[Path], output: Path | None, *, in_place: bool) -> list[Path]:
    """Return the output path of each input of `hpass run`, in order. If there are several inputs, `output` is a folder.

    Raises UsageError if two inputs would be written to the same file, or if options contradict each other.
    """
    if STREAM in sources and len(sources) > 1:
        raise UsageError("- (standard input) must be the only input; remove the other inputs")
    if len(sources) > 1 and output is not None and not output.is_dir():
        raise UsageError(f"-o {output}: must be an existing folder if there are several inputs; create it first")
    targets = [
        output_path(source, _tagged_path(source, output, in_place=in_place), in_place=in_place) for source in sources
    ]
    source_of: dict[str, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        other = source_of.setdefault(os.path.realpath(target), source)
        if other is not source:
            raise UsageError(f"{other} and {source} would both be written to {target}; run hpass once per input")
    read = {os.path.realpath(source) for source in sources}
    for target in targets:
        if not in_place and target != STREAM and os.path.realpath(target) in read:
            raise UsageError(f"{target} is both an input and an output of this run; remove it from the inputs")
    return targets


def _tagged_path(source: Path, output: Path | None, *, in_place: bool) -> Path | None:
    if in_place:
        return output
    default = default_output(source)
    if output is None:
        return default
    return output / default.name if output.is_dir() and source != STREAM else output


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file; links are followed."""
    return os.path.realpath(one) == os.path.realpath(other) or (one.exists() and other.exists() and one.samefile(other))

"""Choose the paths of output files."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..batch.inputs import SUFFIX, TAGGED
from ..errors import UsageError
from .file_uses import STREAM, same_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..batch.inputs import Input
    from ..batch.location import Location

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


def names_folder(text: str) -> bool:
    """Whether a text names a folder: one that exists, or any path with a slash at its end, which `Path` drops."""
    return text.endswith(_SEPARATORS) or _is_folder(Path(text))


def parse_output(text: str) -> Path:
    """Return the path that an option for an output file names.

    Raises UsageError if it names a folder that does not exist.
    """
    path = Path(text)
    if names_folder(text) and not _is_folder(path):
        raise UsageError(
            f"{text}: there is no such folder; create it first, or name a file without the slash at the end"
        )
    return path


def default_output(source: Path) -> Path:
    """Return the default path of the tagged model: `model.tagged.onnx` for `model.onnx`.

    Raises UsageError if the path cannot name a file (`.`, `/`).
    """
    if not source.name:
        raise UsageError(f"{source}: is a folder, not a model; name the .onnx file in it")
    return STREAM if source == STREAM else source.with_name(default_name(source))


def default_name(source: Location) -> str:
    """Return the default name of the tagged model."""
    return f"{source.stem}{TAGGED}{source.suffix or SUFFIX}"


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
    target = output / source.name if source != STREAM and _is_folder(output) else output
    if same_file(source, target):
        raise UsageError(f"-o {output} is the input itself; add --in-place to overwrite it")
    return target


def output_locations(
    inputs: Sequence[Input], output: Location | None, *, several: bool, in_place: bool
) -> list[Location]:
    """Return where the model of each input of `hpass run` is written to, in order.

    If there may be several inputs, `output` is a folder, in which each keeps the folder that it was found in. A folder
    on another machine need not exist; `several` tells it from a file.

    Raises UsageError if options contradict each other.
    """
    if several and any(found.location == STREAM for found in inputs):
        raise UsageError("- (standard input) must be the only input; remove the other inputs")
    is_local = isinstance(output, Path)
    into_folder = _is_folder(output) if isinstance(output, Path) else several
    if several and is_local and not into_folder:
        raise UsageError(f"-o {output}: must be an existing folder if there are several inputs; create it first")
    return [_output_location(found, output, into_folder=into_folder, in_place=in_place) for found in inputs]


def _output_location(found: Input, output: Location | None, *, into_folder: bool, in_place: bool) -> Location:
    source, chosen = found.location, output
    if not in_place and (output is None or (into_folder and source != STREAM)):
        default = _default_location(source)
        chosen = default if output is None else output.joinpath(*PurePosixPath(found.folder).parts, default.name)
    if isinstance(source, Path) and (chosen is None or isinstance(chosen, Path)):
        return output_path(source, chosen, in_place=in_place)
    # An address is no file of this machine, and `output_path` compares those.
    if in_place and chosen is not None:
        raise UsageError(f"--in-place and -o {chosen} contradict each other; give one of them")
    if source == chosen:
        raise UsageError(f"-o {chosen} is the input itself; add --in-place to overwrite it")
    return source if chosen is None else chosen


def _default_location(source: Location) -> Location:
    return default_output(source) if isinstance(source, Path) else source.with_name(default_name(source))


def _is_folder(path: Path) -> bool:
    """Whether a path leads to a folder. A path that the system rejects does not; the error of its use is clearer."""
    try:
        return path.is_dir()
    except OSError:
        return False

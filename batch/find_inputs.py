"""Find the models that a command line names: files, folders, and patterns such as models/**/*.onnx."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import HpassError
from .inputs import SUFFIX, TAGGED, WILDCARD, Input, fixed_folder
from .location import is_address, parse_location
from .remote_listing import remote_models

if TYPE_CHECKING:
    from .location import Location


def names_several(text: str) -> bool:
    """Whether a text names a folder or is a pattern, which may stand for any number of models."""
    if is_address(text):
        return WILDCARD.search(text) is not None or not text.endswith(SUFFIX)
    path = Path(text)
    return _is_folder(path) or (WILDCARD.search(text) is not None and not os.path.lexists(path))


def find_inputs(text: str, output: Location | None = None) -> list[Input]:
    """Return the models that a text names, sorted. A file that is named itself need not exist.

    Of a folder these are all `.onnx` files in it and below. Hidden files, files below the folder `output`, and the
    `model.tagged.onnx` of a `model.onnx` that is found as well are left out.

    Raises HpassError if a folder has none, if no file matches a pattern, or if an address cannot be listed.
    """
    if not names_several(text):
        return [Input(parse_location(text))]
    found = remote_models(text) if is_address(text) else _local_models(text)
    inputs = _without_outputs(found, output)
    if not inputs:
        what = "no file matches" if WILDCARD.search(text) else f"there is no {SUFFIX} file in the folder"
        raise HpassError(f"{text}: {what}; name the model, or another folder or pattern")
    return inputs


def _local_models(text: str) -> list[Input]:
    path = Path(text)
    if _is_folder(path):
        return [Input(file, _folder_below(file, path)) for file in sorted(_files_below(path))]
    root = Path(fixed_folder(text.replace(os.sep, "/")))
    files = sorted(Path(name) for name in glob.glob(text, recursive=True))  # noqa: PTH207 - an absolute pattern, too
    return [Input(file, _folder_below(file, root)) for file in files if file.is_file()]


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if name.endswith(SUFFIX) and not name.startswith("."))


def _folder_below(file: Path, root: Path) -> str:
    folder = file.relative_to(root).parent.as_posix()
    return "" if folder == "." else folder


def _without_outputs(inputs: Sequence[Input], output: Location | None) -> list[Input]:
    names = {str(found.location) for found in inputs}
    return [
        found
        for found in inputs
        if str(_untagged(found.location)) not in names and not (output and _lies_below(found, output))
    ]


def _untagged(location: Location) -> Location | None:
    """Return the path that hpass would write to this one by default; None if there is none."""
    stem = location.stem.removesuffix(TAGGED)
    return location.with_name(stem + location.suffix) if 0 < len(stem) < len(location.stem) else None


def _lies_below(found: Input, output: Location) -> bool:
    """Whether a model lies below the output folder, and that folder below the one that was searched."""
    folder = found.location.parent
    levels = len(Path(found.folder).parts)
    between = [folder, *folder.parents][:levels]
    return any(_absolute(parent) == _absolute(output) for parent in between)


def _absolute(location: Location) -> str:
    return os.path.realpath(location) if isinstance(location, Path) else str(location).rstrip("/")


def _is_folder(path: Path) -> bool:
    """Whether a path leads to a folder. A path that the system rejects does not; the error of its use is clearer."""
    try:
        return path.is_dir()
    except OSError:
        return False

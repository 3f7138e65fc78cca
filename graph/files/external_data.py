"""External data: the files beside a model that hold its large tensors. They are moved along, never parsed."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

import onnx

from ...errors import HpassError
from . import model_file
from .file_content import same_content
from .transaction import Transaction


class ExternalDataMode(StrEnum):
    """How external data comes along into another folder: as a copy, or as a link to the original."""

    COPY = "copy"
    LINK = "link"


def check_external_data(model: onnx.ModelProto, folder: Path, name: str) -> list[str]:
    """Return the external files of a model that lies in `folder`.

    Raises HpassError where one is missing or lies outside the folder, which onnxruntime refuses as well.
    """
    locations = model_file.external_files(model)
    home = Path(os.path.realpath(folder))
    for location in locations:
        if "\0" in location:
            raise HpassError(f"{name}: its external data {location!r} cannot be a file; export the model again")
        path = folder / location
        resolved = Path(os.path.realpath(path))
        if not location or Path(location).is_absolute() or home not in resolved.parents:
            raise HpassError(
                f"{name}: its external data '{location}' lies outside the model's folder; move it beside the model"
            )
        if not _is_file(path):
            raise HpassError(f"{name}: its external data '{location}' is missing in {folder}; put it there")
    return locations


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, a folder that may not be entered.
        return False


def reading_folders(path: Path) -> list[Path]:
    """Return where readers of a model look for its external data: beside the file, and beside the link if it is one."""
    beside, behind = Path(os.path.realpath(path.parent)), Path(os.path.realpath(path)).parent
    return [path.parent] if beside == behind else [behind, path.parent]


def copy_external_data(
    transaction: Transaction,
    locations: list[str],
    source: Path,
    target: Path,
    *,
    replaceable: list[str],
    how: ExternalDataMode = ExternalDataMode.COPY,
) -> None:
    """Bring external files from one folder to where readers of the model at `target` look, under the same names.

    `replaceable` are the locations that the model being replaced there uses. Raises HpassError if a file of another
    model is in the way, or one that cannot be replaced in one step with the model.
    """
    waiting: list[tuple[str, Path]] = []
    for folder in reading_folders(target):
        for location in locations:
            place = folder / location
            if not same_content(source / location, place):
                waiting.append((location, place))
            elif not place.samefile(source / location):
                transaction.rely_on(place)
    for location, place in waiting:
        may_replace = location in replaceable and transaction.covers(place)
        if os.path.lexists(place) and not may_replace:
            raise HpassError(f"{place} is in the way of the model's external data; choose another folder, or remove it")
    put = transaction.link if how is ExternalDataMode.LINK else transaction.copy
    for location, place in waiting:
        put(source / location, place, replace=os.path.lexists(place))

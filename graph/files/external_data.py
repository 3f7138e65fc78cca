"""External data: the files beside a model that contain its large tensors. They are copied or linked, never parsed."""

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
    """How external data is placed in another folder: as a copy, or as a symbolic link to the original."""

    COPY = "copy"
    LINK = "link"


def check_external_data(model: onnx.ModelProto, folder: Path, name: str) -> list[str]:
    """Return the external files of a model in `folder`, relative to it.

    Raises HpassError if one is missing or outside the folder, which onnxruntime does not accept either.
    """
    locations = model_file.external_files(model)
    model_folder = Path(os.path.realpath(folder))
    for location in locations:
        if "\0" in location:
            raise HpassError(f"{name}: its external data {location!r} is not a file name; export the model again")
        path = folder / location
        resolved = Path(os.path.realpath(path))
        if not location or Path(location).is_absolute() or model_folder not in resolved.parents:
            raise HpassError(
                f"{name}: its external data '{location}' is outside the model's folder; move it beside the model"
            )
        if not _is_file(path):
            raise HpassError(f"{name}: its external data '{location}' is missing in {folder}; copy it there")
    return locations


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # For example, the name is too long, or a folder must not be entered.
        return False


def reading_folders(path: Path) -> list[Path]:
    """Return the folders in which readers look for a model's external data: that of the file and that of the link."""
    own_folder, target_folder = Path(os.path.realpath(path.parent)), Path(os.path.realpath(path)).parent
    return [path.parent] if own_folder == target_folder else [target_folder, path.parent]


def copy_external_data(
    transaction: Transaction,
    locations: list[str],
    source: Path,
    target: Path,
    *,
    replaceable: list[str],
    how: ExternalDataMode = ExternalDataMode.COPY,
) -> None:
    """Copy or link external files from the folder `source` to the folders in which readers of `target` look for them.

    `replaceable` are the external files of the model that is replaced at `target`. Raises HpassError if another file
    has the name of one of them, or if a file cannot be replaced in one step with the model.
    """
    missing: list[tuple[str, Path]] = []
    for folder in reading_folders(target):
        for location in locations:
            destination = folder / location
            if not same_content(source / location, destination):
                missing.append((location, destination))
            elif not destination.samefile(source / location):
                transaction.rely_on(destination)
    for location, destination in missing:
        may_replace = location in replaceable and transaction.covers(destination)
        if os.path.lexists(destination) and not may_replace:
            raise HpassError(
                f"{destination}: exists, but is the name of the model's external data; "
                "remove it, or choose another folder"
            )
    transfer = transaction.link if how is ExternalDataMode.LINK else transaction.copy
    for location, destination in missing:
        transfer(source / location, destination, replace=os.path.lexists(destination))

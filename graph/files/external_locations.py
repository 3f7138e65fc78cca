"""Where the external data of a model is, and where readers look for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ...errors import HpassError


def check_locations(locations: Iterable[str], folder: Path, name: str) -> None:
    """Raise HpassError if an external file of the model `name` in `folder` is missing or outside the folder.

    onnxruntime does not accept that either. `locations` are relative to the folder.
    """
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

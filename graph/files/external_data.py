"""External data: the files beside a model that contain its large tensors. They are copied or linked, never parsed."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from ...errors import HpassError
from .external_locations import reading_folders
from .file_content import same_content
from .transaction import Transaction


class ExternalDataMode(StrEnum):
    """How external data is placed in another folder: as a copy, or as a symbolic link to the original."""

    COPY = "copy"
    LINK = "link"


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

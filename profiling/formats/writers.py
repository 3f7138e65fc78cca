"""The formats by the ending of a file's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import UsageError
from ...graph.files.transaction import Transaction
from ...graph.files.write_errors import translate_write_errors
from ..profile import Profile
from . import collapsed_stacks, csv_table, json_format, model_explorer, netron, perfetto, speedscope

FORMATS: Mapping[str, Callable[[Profile], str]] = {
    ".speedscope.json": speedscope.dumps,
    ".perfetto.json": perfetto.dumps,
    ".nodedata.json": model_explorer.dumps,
    ".netron.json": netron.dumps,
    ".json": json_format.dumps,
    ".txt": collapsed_stacks.dumps,
    ".csv": csv_table.dumps,
}
"""What writes the profile, by the ending of the name; the first that fits counts."""


def format_of(path: Path) -> Callable[[Profile], str]:
    """Return what writes the format of a file. Raises UsageError if the ending of its name is not known."""
    for ending, dumps in FORMATS.items():
        if path.name.endswith(ending):
            return dumps
    raise UsageError(f"-o {path}: unknown format; the name must end in {', '.join(FORMATS)}")


def write_profile(profile: Profile, path: str | Path) -> None:
    """Write a profile to a file, in the format of the ending of its name (docs/profiling.md).

    Raises UsageError if the ending is not known, and HpassError if the file cannot be written.
    """
    write_text(format_of(Path(path))(profile), Path(path))


def write_text(text: str, path: Path) -> None:
    """Write a text to a file, replacing it in one step. Raises HpassError if it cannot be written."""
    with translate_write_errors(path), Transaction(path) as transaction:
        transaction.write(path, lambda file: file.write(text.encode()))

"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import onnx
import onnx_ir

# Protobuf ends at 2 GiB; larger weights go to a file beside the model, with room for the graph itself.
LARGEST_INLINE = 1 << 30
_PREFIX = ".hpass-export-"


@contextlib.contextmanager
def workspace(out: Path) -> Generator[Path]:
    """Give a temporary folder beside OUT, on its file system, and remove it however the work ends.

    Folders that a killed run left there go as well.
    """
    for stale in out.parent.glob(f"{_PREFIX}*"):
        if not _is_running(int(stale.name.removeprefix(_PREFIX).partition("-")[0])):
            shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=out.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage_model(model: onnx_ir.Model, out: Path, folder: Path) -> None:
    """Write a model into the workspace under OUT's name, with its weights beside it if they are large.

    The data file takes a name that no file beside OUT has, so that putting it there harms no older OUT.
    """
    large = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)
    data: str | None = None
    if large > LARGEST_INLINE:
        data = f"{out.name}.data"
        number = 1
        while (out.parent / data).exists() or (folder / data).exists():
            number += 1
            data = f"{out.name}.{number}.data"
    onnx_ir.save(model, folder / out.name, external_data=data)


def commit(folder: Path, places: Mapping[str, Path], models: Sequence[Path]) -> list[Path]:
    """Move the staged files to their places, the models last; return every file written.

    A staged file without a place of its own goes beside the models. Data files of the models that are
    replaced go once nothing needs them. Raises OSError where a file cannot be moved; the new ones are taken
    back then.
    """
    written: list[Path] = []
    replaced = [data for model in models for data in _data_files(model)]
    staged = [path for path in folder.iterdir() if path.is_file()]
    try:
        for path in sorted(staged, key=lambda path: path.name in {model.name for model in models}):
            target = places.get(path.name, models[0].parent / path.name)
            near = path if target.parent == folder.parent else target.with_name(f".{target.name}.part")
            if near != path:
                shutil.copy(path, near)
            _flush(near)
            near.replace(target)
            written.append(target)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    for data in replaced:
        if data not in written:
            data.unlink(missing_ok=True)
    return written


def _data_files(out: Path) -> list[Path]:
    """Return the data files of an earlier OUT that carry its name, so that nobody else's are touched."""
    candidates = [path for path in out.parent.glob(f"{out.name}*.data") if path.is_file()]
    if not candidates or not out.is_file():
        return []
    with contextlib.suppress(Exception):
        graph = onnx.load(str(out), load_external_data=False).graph
        named = {
            entry.value for tensor in graph.initializer for entry in tensor.external_data if entry.key == "location"
        }
        return [path for path in candidates if path.name in named]
    return []


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _is_running(process: int) -> bool:
    if sys.platform == "win32":
        return True  # There signal 0 is a Ctrl-C: nobody can be asked, so nothing is removed.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

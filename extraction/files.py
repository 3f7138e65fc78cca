"""Write extracted modules and chains of stages to files, all or none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..api import ModelSource, ensure_tagged
from ..errors import HpassError
from ..escape import for_json
from ..graph.files.model_file import transaction_for
from ..graph.files.transaction import Transaction
from ..graph.files.write_errors import translate_write_errors
from .extract import ExtractedModule, Extractor
from .manifest import FILE_NAME, manifest, stage_file
from .recording import Recording, recorded_path, script
from .stages import stages
from .write_model import data_path, has_external_data, write_model

CheckFiles = Callable[[Sequence[Path]], None]
"""A function that raises an error if one of the files must not be written."""


def write_modules(
    modules: Sequence[ExtractedModule], targets: Sequence[Path], recordings: Sequence[Recording] = (), model: str = ""
) -> None:
    """Write extracted modules, each to its file, with its recording if there are recordings. All or none are written.

    `model` is how the scripts call the whole model. Raises HpassError if a file cannot be written.
    """
    with transaction_for(targets[0]) as transaction:
        for index, (module, target) in enumerate(zip(modules, targets, strict=True)):
            with translate_write_errors(target):
                if recordings:
                    _write(transaction, recorded_path(target, "inputs"), recordings[index].inputs)
                    _write(transaction, recorded_path(target, "outputs"), recordings[index].outputs)
                    _write(transaction, target.with_suffix(".py"), script(module, model, target).encode())
                write_model(transaction, target, module.model, module.folder)


def written_files(module: ExtractedModule, target: Path, *, recorded: bool) -> list[Path]:
    """Return the files that `write_modules` writes for a module."""
    beside = [recorded_path(target, "inputs"), recorded_path(target, "outputs"), target.with_suffix(".py")]
    return [target, *([data_path(target)] if has_external_data(module.model) else []), *(beside if recorded else [])]


def write_stages(extractor: Extractor, depth: int, folder: Path, check: CheckFiles = lambda _: None) -> dict[str, Any]:
    """Split a model into a chain of stages, and write it with its manifest to a folder. Return the manifest.

    `check` is called with the paths of all files before anything is written. Raises HpassError if the model cannot be
    split, or if a file cannot be written.
    """
    preparation, chain = stages(extractor, depth)
    description = manifest(extractor.run.model.name, preparation, chain)
    targets = [folder / stage_file(number, stage) for number, stage in enumerate(chain)]
    models = [extractor.build(preparation, stage.piece) for stage in chain]
    data = [data_path(target) for target, model in zip(targets, models, strict=True) if has_external_data(model)]
    check([*targets, *data, folder / FILE_NAME])
    make_folder(folder)
    with transaction_for(folder / FILE_NAME) as transaction:
        for target, model in zip(targets, models, strict=True):
            with translate_write_errors(target):
                write_model(transaction, target, model, extractor.folder)
        _write(transaction, folder / FILE_NAME, f"{for_json(description)}\n".encode())
    return description


def split(source: ModelSource, folder: str | Path, depth: int = 1) -> dict[str, Any]:
    """Open a model, tag it, and write it to a folder as a chain of stages along its modules of one depth.

    Return the manifest, which is written to `manifest.json` in the folder as well (docs/extract.md describes it).
    Raises HpassError if the model cannot be opened or split, or if a file cannot be written.
    """
    return write_stages(Extractor(ensure_tagged(source)), depth, Path(folder))


def make_folder(folder: Path) -> None:
    """Make a folder unless it exists. Raises HpassError if that fails."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise HpassError(f"{folder}: cannot be made ({error.strerror or error})") from error


def _write(transaction: Transaction, path: Path, content: bytes) -> None:
    transaction.write(path, partial(_write_bytes, content))


def _write_bytes(content: bytes, file: Any) -> None:
    file.write(content)

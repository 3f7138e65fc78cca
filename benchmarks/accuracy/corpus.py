"""The exported models in the cache folder; missing ones are exported."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx

from .optimisers import optimise
from .subject import surviving_tags

ROOT = Path(__file__).parents[2]
ENGINES = ("current", "torchscript", "torchscript-old")


@dataclass(frozen=True)
class Entry:
    """One model, exported by one engine."""

    model: str
    engine: str
    folder: Path

    @cached_property
    def proto(self) -> onnx.ModelProto:
        """The model as exported."""
        return onnx.load(self.folder / "model.onnx")

    @cached_property
    def truth(self) -> list[str | None]:
        """The module of each node of the main graph; None if the exporter does not say."""
        return json.loads((self.folder / "truth.json").read_text(encoding="utf-8"))

    @property
    def modules_file(self) -> Path:
        """The file of the module table, in the form that hpass reads."""
        return self.folder / "modules.json"

    @cached_property
    def modules(self) -> dict[str, Any]:
        """The entries of the module table by scope."""
        return json.loads(self.modules_file.read_text(encoding="utf-8"))["modules"]

    @cached_property
    def owners(self) -> set[str]:
        """The names and aliases of all modules."""
        return {
            *self.modules,
            *(alias for module in self.modules.values() for alias in module.get("aliases", ())),
        }

    @cached_property
    def called(self) -> set[str]:
        """The names and aliases of all called modules."""
        run = {name: module for name, module in self.modules.items() if module["called"]}
        return {*run, *(alias for module in run.values() for alias in module.get("aliases", ()))}

    def export_by(self, engine: str) -> Entry | None:
        """Return the export of the same model by another engine, if the cache has it."""
        folder = self.folder.with_name(f"{self.model}.{engine}")
        return Entry(self.model, engine, folder) if (folder / "model.onnx").exists() else None

    def export_of_another_model(self, engine: str) -> Entry | None:
        """Return an export of another model by an engine, always the same one, if the cache has any."""
        found = [path.parent for path in sorted(self.folder.parent.glob(f"*.{engine}/model.onnx"))]
        others = [folder for folder in found if folder.name != f"{self.model}.{engine}"]
        if not others:
            return None
        folder = others[zlib.crc32(self.model.encode()) % len(others)]
        return Entry(folder.name.removesuffix(f".{engine}"), engine, folder)

    def optimised(self, optimiser: str) -> tuple[onnx.ModelProto, int] | str:
        """Return the optimised model and the number of nodes that kept their tags; or the reason if there is none.

        The optimiser reads a model with a tag on every node. The remaining tags are counted and then removed.
        """
        stem = self.folder / f"optimised-{optimiser.replace(' ', '-')}"
        optimised_file, failure_file = stem.with_suffix(".onnx"), stem.with_suffix(".failed.txt")
        if failure_file.exists():
            return failure_file.read_text(encoding="utf-8")
        if not optimised_file.exists():
            tagged = self.folder / "tagged.onnx"
            tagged.write_bytes(_with_tags(self.proto).SerializeToString())
            result = optimise(optimiser, tagged, self.folder / "inputs.npz")
            if isinstance(result, str):
                failure_file.write_text(result, encoding="utf-8")
                return result
            left = surviving_tags(result)
            _without_tags(result)
            result.metadata_props.add(key="tags_left", value=str(left))
            optimised_file.write_bytes(result.SerializeToString())
        result = onnx.load(optimised_file)
        return result, int(result.metadata_props.pop().value)


def _with_tags(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        node.metadata_props.add(key="hpass.scope", value="x")
    return copy


def _without_tags(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != "hpass.scope"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)


def prepare(cache: Path, names: Sequence[str], engine: str, python: str = sys.executable) -> None:
    """Export the models that the cache lacks. A model that crashes the interpreter is recorded as failed."""
    while missing := [name for name in names if not _is_done(cache / f"{name}.{engine}")]:
        command = [python, "-m", "benchmarks.accuracy.export", str(cache.resolve()), engine, *missing]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        unfinished = [name for name in missing if not _is_done(cache / f"{name}.{engine}")]
        if unfinished:
            folder = cache / f"{unfinished[0]}.{engine}"
            folder.mkdir(parents=True, exist_ok=True)
            lines = process.stderr.strip().splitlines()
            (folder / "failed.txt").write_text(lines[-1] if lines else f"status {process.returncode}", encoding="utf-8")


def _is_done(folder: Path) -> bool:
    return (folder / "model.onnx").exists() or (folder / "failed.txt").exists()


def entries(cache: Path, names: Sequence[str], engines: Sequence[str]) -> Iterator[Entry]:
    """Yield the exported models in the cache."""
    for name in names:
        for engine in engines:
            if (cache / f"{name}.{engine}" / "model.onnx").exists():
                yield Entry(name, engine, cache / f"{name}.{engine}")


def failures(cache: Path, names: Sequence[str], engines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the model, the engine and the reason of each failed export."""
    for name in names:
        for engine in engines:
            note = cache / f"{name}.{engine}" / "failed.txt"
            if note.exists():
                yield name, engine, note.read_text(encoding="utf-8")

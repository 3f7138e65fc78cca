"""The exported models in the cache folder, made where they are missing."""

from __future__ import annotations

import json
import subprocess
import sys
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
    """One model by one engine."""

    model: str
    engine: str
    folder: Path

    @cached_property
    def proto(self) -> onnx.ModelProto:
        """The model as exported."""
        return onnx.load(self.folder / "model.onnx")

    @cached_property
    def truth(self) -> list[str | None]:
        """The module of each node of the main graph."""
        return json.loads((self.folder / "truth.json").read_text(encoding="utf-8"))

    @property
    def modules_file(self) -> Path:
        """The module table, as hpass reads it."""
        return self.folder / "modules.json"

    @cached_property
    def modules(self) -> dict[str, Any]:
        """The modules and what is known of each."""
        return json.loads(self.modules_file.read_text(encoding="utf-8"))["modules"]

    @cached_property
    def owners(self) -> set[str]:
        """The names of all modules, aliases too."""
        return {
            *self.modules,
            *(alias for module in self.modules.values() for alias in module.get("aliases", ())),
        }

    @cached_property
    def called(self) -> set[str]:
        """The names of the modules that run, aliases too."""
        run = {name: module for name, module in self.modules.items() if module["called"]}
        return {*run, *(alias for module in run.values() for alias in module.get("aliases", ()))}

    def optimised(self, optimiser: str) -> tuple[onnx.ModelProto, int] | str:
        """Return what an optimiser makes of the model, and how many tags it left; or why it makes nothing.

        The optimiser is given a model with a tag on every node; what is left of the tags is then taken off.
        """
        stem = self.folder / f"optimised-{optimiser.replace(' ', '-')}"
        done, failed = stem.with_suffix(".onnx"), stem.with_suffix(".failed.txt")
        if failed.exists():
            return failed.read_text(encoding="utf-8")
        if not done.exists():
            tagged = self.folder / "tagged.onnx"
            tagged.write_bytes(_with_tags(self.proto).SerializeToString())
            made = optimise(optimiser, tagged, self.folder / "inputs.npz")
            if isinstance(made, str):
                failed.write_text(made, encoding="utf-8")
                return made
            left = surviving_tags(made)
            _without_tags(made)
            made.metadata_props.add(key="tags_left", value=str(left))
            done.write_bytes(made.SerializeToString())
        made = onnx.load(done)
        return made, int(made.metadata_props.pop().value)


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
    """Export what the cache lacks; a model that takes the interpreter down is noted as failed."""
    while missing := [name for name in names if not _is_done(cache / f"{name}.{engine}")]:
        command = [python, "-m", "benchmarks.accuracy.export", str(cache.resolve()), engine, *missing]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        left = [name for name in missing if not _is_done(cache / f"{name}.{engine}")]
        if left:
            folder = cache / f"{left[0]}.{engine}"
            folder.mkdir(parents=True, exist_ok=True)
            lines = ended.stderr.strip().splitlines()
            (folder / "failed.txt").write_text(lines[-1] if lines else f"status {ended.returncode}", encoding="utf-8")


def _is_done(folder: Path) -> bool:
    return (folder / "model.onnx").exists() or (folder / "failed.txt").exists()


def entries(cache: Path, names: Sequence[str], engines: Sequence[str]) -> Iterator[Entry]:
    """Yield the exported models."""
    for name in names:
        for engine in engines:
            if (cache / f"{name}.{engine}" / "model.onnx").exists():
                yield Entry(name, engine, cache / f"{name}.{engine}")


def failures(cache: Path, names: Sequence[str], engines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield model, engine and reason for what could not be exported."""
    for name in names:
        for engine in engines:
            note = cache / f"{name}.{engine}" / "failed.txt"
            if note.exists():
                yield name, engine, note.read_text(encoding="utf-8")

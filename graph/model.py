"""An opened model: the file's own message, which stays the truth, and graphsurgeon's view of it for the passes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import onnx
import onnx_graphsurgeon as gs

from ..errors import HpassError
from ..tags.module_table import EXPORTER_TABLE, ModuleTable
from ..tags.tag_format import FORMAT_VERSION, MODULES, VERSION, Tag, read_tag, strip, untagged, write_tag
from .decode import as_text
from .diff import Edits, count_edits
from .files import model_file
from .files.external_data import ExternalDataMode, check_external_data, copy_external_data, reading_folders
from .importer import ImportedModel, import_model
from .regions import Region, regions
from .verify.fingerprint import fingerprint
from .walk import GraphLike, all_nodes
from .write_back import lower_function_constants, write_back

FunctionKey = tuple[str, str, str]
"""The domain, name and overload of a local function."""


class Model:
    """An ONNX model and its graph.

    `proto` is the model as it was read; `graph` is what passes see and may rewrite. Neither reads a weight.
    """

    def __init__(self, proto: onnx.ModelProto, name: str, folder: Path | None, locations: list[str]) -> None:
        self.proto = proto
        self.name = name
        self.folder = folder
        self.locations = locations
        self._before = fingerprint(proto)
        self._emitted = Edits()

    @classmethod
    def open(cls, source: str | Path | onnx.ModelProto) -> Model:
        """Open a file, standard input (`-`) or a message (which is copied).

        Raises HpassError where there is no model, or where its external data is missing or lies outside its folder.
        """
        if isinstance(source, onnx.ModelProto):
            proto = onnx.ModelProto()
            proto.CopyFrom(source)
            return cls(proto, "the model", None, model_file.external_files(proto))
        proto = model_file.read(source)
        name, folder = ("standard input", Path()) if str(source) == model_file.STANDARD_STREAM else (str(source), None)
        folder = Path(source).parent if folder is None else folder
        return cls(proto, name, folder, check_external_data(proto, folder, name))

    @cached_property
    def _imported(self) -> ImportedModel:
        return import_model(self.proto, self.folder)

    @property
    def graph(self) -> gs.Graph:
        """The main graph; subgraphs lie in its nodes' attributes, local functions in its `functions`."""
        return self._imported.graph

    def regions(self) -> list[Region]:
        """Return all regions as they stand now."""
        return regions(self.graph)

    def nodes(self) -> Iterator[gs.Node]:
        """Yield every node of every region."""
        for region in self.regions():
            yield from region.graph.nodes

    def node_proto(self, node: gs.Node) -> onnx.NodeProto | None:
        """Return the message that a node was read from; None for one that a pass created."""
        return self._imported.nodes.get(node)

    def graph_proto(self, graph: gs.Graph) -> GraphLike | None:
        """Return the message that a region's graph was read from; None for one that a pass created."""
        return self._imported.graphs.get(graph)

    def function_key(self, body: gs.Graph) -> FunctionKey:
        """Return what calls of a function name: its domain, its name and its overload."""
        proto = self.graph_proto(body)
        overload = proto.overload if isinstance(proto, onnx.FunctionProto) else ""
        return getattr(body, "domain", ""), body.name, overload

    def stored_tag(self, node: gs.Node) -> Tag | None:
        """Return the tag that the file itself has for a node."""
        proto = self.node_proto(node)
        return None if proto is None else read_tag(proto)

    @property
    def stored_version(self) -> str | None:
        """The version of the tag format in the file; None where hpass has not tagged it."""
        return self._metadata(VERSION)

    def stored_modules(self) -> ModuleTable | None:
        """Return the module table that hpass wrote into the file. Raises HpassError where it is broken."""
        return self._table(MODULES)

    def exported_modules(self) -> ModuleTable | None:
        """Return the module table that the exporter wrote into the file. Raises HpassError where it is broken."""
        return self._table(EXPORTER_TABLE)

    def lower_function_constants(self) -> None:
        """Bring what a rewriting pass left into the form that ONNX has for it: no constants in function bodies."""
        lower_function_constants(self.graph)

    def edits(self) -> Edits:
        """Count how the graph differs from the model that was read."""
        return self._emitted + count_edits(self._imported)

    def write_edits(self) -> None:
        """Bring what passes rewrote in the graph into `proto`; the tags in it stay as they are."""
        pending = count_edits(self._imported)
        if pending:
            write_back(self._imported, self.proto)
            self._emitted += pending
            self._before = fingerprint(self.proto)

    def apply(self, tags: Iterable[tuple[gs.Node, Tag]], modules: ModuleTable, *, edited: bool = True) -> None:
        """Write the graph's edits, the tags and the module table into `proto`, all other tags being removed.

        `edited` is False where the caller has just seen that there are no edits: looking for them takes a while.
        Raises AssertionError where anything but tags came to differ beyond what passes rewrote.
        """
        if edited:
            self.write_edits()
        self.strip()
        if fingerprint(self.proto) != self._before:
            raise AssertionError(f"{self.name}: tagging changed more than tags; this is a bug in hpass")
        for node, tag in tags:
            write_tag(self._imported.nodes[node], tag, modules.path(tag.target))
        _write_table(self.proto, modules)

    def untagged(self) -> Path | onnx.ModelProto:
        """Return the model as it was before `apply`: its file, or a copy without tags where it came from elsewhere."""
        path = Path(self.name)
        if self.folder is not None and path.is_file():
            return path
        return untagged(self.proto)

    def snapshot(self, tags: Iterable[tuple[gs.Node, Tag]], modules: ModuleTable) -> Model:
        """Return a copy of the model as `apply` would leave it; the tags in the model itself stay as they are."""
        self.write_edits()
        by_message = {id(self._imported.nodes[node]): tag for node, tag in tags}
        copy = untagged(self.proto)
        for original, twin in zip(all_nodes(self.proto), all_nodes(copy), strict=True):
            tag = by_message.get(id(original))
            if tag is not None:
                write_tag(twin, tag, modules.path(tag.target))
        _write_table(copy, modules)
        return Model(copy, self.name, self.folder, self.locations)

    def strip(self) -> int:
        """Remove every `hpass.*` key from the model; return how many there were."""
        return strip(self.proto)

    def save(self, path: str | Path, external_data: ExternalDataMode = ExternalDataMode.COPY) -> None:
        """Write `proto` to a file, whole or not at all, its external data going along into another folder.

        Raises HpassError, in one line, for whatever keeps it from being written.
        """
        target = Path(path)
        try:
            if str(path) == model_file.STANDARD_STREAM:
                model_file.write_to_stdout(self.proto)
                return
            if target.is_dir():
                raise HpassError(f"{target}: a folder; name a file in it (-o {target / 'model.onnx'})")
            if not target.parent.is_dir():
                raise HpassError(f"{target.parent}: there is no such folder; create it first")
            self._spare_external_data(target)
            # The model comes last: until it is replaced, the old one is what there is.
            with model_file.written(self.proto, target):
                # Beside a device or a pipe there is nobody to read it.
                is_kept = target.is_file() or not target.exists()
                if self.locations and self.folder is not None and is_kept:
                    replaceable = _locations_of(target)
                    copy_external_data(self.locations, self.folder, target, replaceable=replaceable, how=external_data)
        except OSError as error:
            name = "standard output" if str(path) == model_file.STANDARD_STREAM else target
            where = error.filename2 or error.filename or name
            raise HpassError(f"{where}: cannot be written ({error.strerror or error})") from error

    def _spare_external_data(self, target: Path) -> None:
        """Raise HpassError where the model would be written over its own external data, here or where it goes along."""
        for folder in (self.folder or Path(), *reading_folders(target)):
            for location in self.locations:
                if os.path.realpath(folder / location) == os.path.realpath(target):
                    raise HpassError(f"{target}: the model keeps its external data under this name; choose another")

    def _metadata(self, key: str) -> str | None:
        return next((as_text(prop.value) for prop in self.proto.metadata_props if prop.key == key), None)

    def _table(self, key: str) -> ModuleTable | None:
        text = self._metadata(key)
        return None if text is None else ModuleTable.loads(text, f"{self.name}: metadata {key!r}")


def _write_table(proto: onnx.ModelProto, modules: ModuleTable) -> None:
    for key, value in ((VERSION, FORMAT_VERSION), (MODULES, modules.dumps())):
        proto.metadata_props.add(key=key, value=value)


def _locations_of(target: Path) -> list[str]:
    """Return the external files of the model that is about to be replaced; none where it is no model."""
    if not target.is_file():
        return []
    try:
        return model_file.external_files(model_file.read(target))
    except HpassError:
        return []

"""An opened model: the message that was read, and the graphsurgeon graph that passes see."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import onnx
import onnx_graphsurgeon as gs

from ..errors import HpassError
from ..tags.annotation import annotate, original_metadata
from ..tags.module_table import EXPORTER_TABLE, ModuleTable
from ..tags.tag_edits import remove_all_tags, set_entry, tag_bytes, write_tag
from ..tags.tag_format import FORMAT_VERSION, MODULES, VERSION, Tag, read_tag, tag_entries
from .decode import as_pairs, as_text, is_utf8
from .edits import Edits
from .files import model_file
from .files.external_data import ExternalDataMode, copy_external_data
from .files.external_locations import check_locations, reading_folders
from .files.external_values import with_external_values
from .files.placeholders import Placeholders
from .files.transaction import Transaction
from .files.write_errors import translate_write_errors
from .graph_diff import count_edits
from .importer import ImportedModel, import_model
from .initializers import lower_function_constants
from .lazy_values import Storage
from .node_source import FunctionKey
from .regions import Region, nodes_with_position, regions
from .restored_names import original_name, original_outputs
from .strip import Stripped, strip, stripped
from .verify.fingerprint import fingerprint
from .walk import GraphLike, all_nodes
from .write_back import write_back


class NamedNode(NamedTuple):
    """A node and its name, which may be empty, and whether the file has metadata for it."""

    node: gs.Node
    name: str
    has_metadata: bool


_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Model:
    """An ONNX model and its graph.

    `skeleton` is the message that was read, without large values of tensors: these stay in the file, and the message
    has `placeholders` for them (None: it is complete). `graph` is imported from it on first access; passes see the
    graph and may rewrite it. Neither loads weights. `name` is how messages call the model, usually its path. `folder`
    contains the external data (None if the model was not read from a file), and `locations` are its files, relative to
    `folder`. `written_edits` counts the edits of the graph that are in the message.
    """

    def __init__(
        self,
        skeleton: onnx.ModelProto,
        name: str,
        folder: Path | None,
        locations: list[str],
        placeholders: Placeholders | None = None,
    ) -> None:
        self.skeleton = skeleton
        self.placeholders = placeholders
        self.name = name
        self.folder = folder
        self.locations = locations
        self._fingerprint = fingerprint(skeleton)
        self.written_edits = Edits()

    @classmethod
    def open(cls, source: str | Path | onnx.ModelProto) -> Model:
        """Open a file, standard input (`-`) or a message, which is copied.

        Raises HpassError if the source is not a model, or if its external data is missing or outside its folder.
        """
        if isinstance(source, onnx.ModelProto):
            proto = onnx.ModelProto()
            proto.CopyFrom(source)
            return cls(proto, "the model", None, model_file.external_files(proto))
        proto, placeholders = model_file.read(source)
        name, folder = ("standard input", Path()) if str(source) == model_file.STANDARD_STREAM else (str(source), None)
        folder = Path(source).parent if folder is None else folder
        locations = model_file.external_files(proto)
        check_locations(locations, folder, name)
        return cls(proto, name, folder, locations, placeholders)

    @property
    def proto(self) -> onnx.ModelProto:
        """The complete message. The first access reads all values in the file, so most callers want `skeleton`."""
        if self.placeholders is not None:
            unchanged = fingerprint(self.skeleton) == self._fingerprint
            self.placeholders.complete(self.skeleton)
            self.placeholders = None
            if unchanged:
                self._fingerprint = fingerprint(self.skeleton)
        return self.skeleton

    def for_runtime(self) -> onnx.ModelProto:
        """Return the message without placeholders and without reading all values: large ones are external data.

        They are in the model's own file in `folder`. The message itself is returned if it has no placeholders. Raises
        HpassError if the file has changed.
        """
        return self.skeleton if self.placeholders is None else with_external_values(self.skeleton, self.placeholders)

    @property
    def is_too_large_for_runtimes(self) -> bool:
        """Whether the model's file has 2 GiB or more, which hpass can read, and neither onnx nor onnxruntime."""
        return self.placeholders is not None and self.placeholders.file.size > model_file.SIZE_LIMIT_BYTES

    @property
    def storage(self) -> Storage:
        """Where the values are that are not in the message."""
        return Storage(self.folder, self.placeholders)

    @cached_property
    def _imported(self) -> ImportedModel:
        return import_model(self.skeleton, self.storage)

    @property
    def graph(self) -> gs.Graph:
        """The main graph. Subgraphs are attributes of its nodes, and local functions are in `graph.functions`."""
        return self._imported.graph

    def regions(self) -> list[Region]:
        """Return all current regions."""
        return regions(self.graph)

    def nodes(self) -> Iterator[gs.Node]:
        """Yield every node of every region."""
        for region in self.regions():
            yield from region.graph.nodes

    def main_nodes(self) -> Iterator[gs.Node]:
        """Yield the nodes of the main graph and its subgraphs."""
        for region in self.regions():
            if region.function is None:
                yield from region.graph.nodes

    def function_regions(self) -> Iterator[tuple[FunctionKey, list[gs.Node]]]:
        """Yield the nodes of each function body and of each subgraph in one, with the function."""
        for region in self.regions():
            if region.function is not None:
                yield self.function_key(region.function), region.graph.nodes

    def nodes_with_position(self) -> Iterator[tuple[str, gs.Node]]:
        """Yield the position of every node, such as `#12/then_branch#3`, and the node."""
        return nodes_with_position(self.regions())

    def function_key(self, body: gs.Graph) -> FunctionKey:
        """Return the domain, name and overload of a function, which identify it in calls."""
        proto = self._graph_proto(body)
        overload = as_text(proto.overload) if isinstance(proto, onnx.FunctionProto) else ""
        return getattr(body, "domain", ""), body.name, overload

    def call_key(self, node: gs.Node) -> FunctionKey:
        """Return the domain, name and overload of the function that a node calls, if it calls any."""
        proto = self._node_proto(node)
        return node.domain or "", node.op, "" if proto is None else as_text(proto.overload)

    def initializers(self, graph: gs.Graph) -> Iterator[tuple[str, onnx.TensorProto]]:
        """Yield the initializers of a region in the file, with their names."""
        proto = self._graph_proto(graph)
        if isinstance(proto, onnx.GraphProto):
            yield from ((as_text(tensor.name), tensor) for tensor in proto.initializer)

    def typed_values(self, graph: gs.Graph) -> set[str]:
        """Return the names of the values whose types the file declares, apart from inputs and outputs of the graph."""
        proto = self._graph_proto(graph)
        return set() if proto is None else {as_text(info.name) for info in proto.value_info}

    def value_metadata(self, graph: gs.Graph) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the values of a region that have metadata in the file, by name, with its keys and values."""
        proto = self._graph_proto(graph)
        if proto is not None:
            for value in (*proto.value_info, *getattr(proto, "initializer", ())):
                if value.metadata_props:
                    yield as_text(value.name), as_pairs(value.metadata_props)

    def has_metadata(self, node: gs.Node) -> bool:
        """Whether the file has metadata for a node."""
        proto = self._node_proto(node)
        return proto is not None and len(proto.metadata_props) > 0

    def metadata(self, node: gs.Node) -> Mapping[str, str]:
        """Return the metadata that the file has for a node, without annotations of hpass.

        It is empty for a node that a pass created.
        """
        proto = self._node_proto(node)
        if proto is None or not proto.metadata_props:
            return _NO_METADATA
        return dict(original_metadata(proto))

    def has_note(self, node: gs.Node, key: str) -> bool:
        """Whether a node has an `hpass.*` key that a rewriting pass wrote."""
        proto = self._node_proto(node)
        return proto is not None and any(entry.key == key for entry in proto.metadata_props)

    def stored_entries(self, node: gs.Node) -> list[tuple[str, str]]:
        """Return the `hpass.*` keys and values that the file has for a node."""
        proto = self._node_proto(node)
        return [] if proto is None else tag_entries(proto)

    def stored_tag(self, node: gs.Node) -> Tag | None:
        """Return the tag of a node in the file; None if it has none."""
        proto = self._node_proto(node)
        return None if proto is None else read_tag(proto)

    @property
    def stored_version(self) -> str | None:
        """The version of the tag format in the file; None if the file has no tags."""
        return self._metadata(VERSION)

    def stored_modules(self) -> ModuleTable | None:
        """Return the module table that hpass wrote; None if there is none. Raises HpassError if invalid."""
        return self._table(MODULES)

    def exported_modules(self) -> ModuleTable | None:
        """Return the module table that the exporter wrote; None if there is none. Raises HpassError if invalid."""
        return self._table(EXPORTER_TABLE)

    def lower_function_constants(self) -> None:
        """Replace constants in function bodies by Constant nodes, as ONNX requires."""
        lower_function_constants(self.graph)

    def edits(self) -> Edits:
        """Count the differences of the graph from the model that was read."""
        return self.written_edits + count_edits(self._imported)

    def write_edits(self) -> None:
        """Write the edits of passes into the message. Tags are not changed."""
        pending = count_edits(self._imported)
        if pending:
            write_back(self._imported, self.skeleton)
            self.written_edits += pending
            self._fingerprint = fingerprint(self.skeleton)

    def edit_messages(self, edit: Callable[[onnx.ModelProto], Edits]) -> bool:
        """Let a function edit `skeleton` and import the graph anew; return whether there were edits.

        Nodes of the old graph are then no longer part of the model.
        """
        self.write_edits()
        edits = edit(self.skeleton)
        if edits:
            del self._imported
            self.written_edits += edits
            self._fingerprint = fingerprint(self.skeleton)
        return bool(edits)

    def messages(self) -> Iterator[tuple[gs.Node, onnx.NodeProto]]:
        """Yield every node of the graph with its message."""
        return self._imported.nodes.items()

    def has_utf8_names(self, node: gs.Node) -> bool:
        """Whether the names of a node and of its outputs are UTF-8 in the file, so that a tag can keep them."""
        proto = self._node_proto(node)
        return proto is None or all(map(is_utf8, (proto.name, *proto.output)))

    def original_name(self, node: gs.Node) -> str | None:
        """Return the name of a node as it was before `rename`; None if it had none."""
        proto = self._node_proto(node)
        return node.name if proto is None else original_name(proto)

    def named_nodes(self) -> Iterator[NamedNode]:
        """Yield every node with its name as it was before `rename`."""
        for region in self.regions():
            nodes = region.graph.nodes
            for node, proto in zip(nodes, self._imported.nodes.values_of(nodes), strict=True):
                if proto is None:
                    yield NamedNode(node, node.name, has_metadata=False)
                elif proto.metadata_props:
                    yield NamedNode(node, original_name(proto) or "", has_metadata=True)
                else:
                    name = as_text(proto.name)
                    # The string of the node, because names are kept as evidence.
                    yield NamedNode(node, node.name if name == node.name else name, has_metadata=False)

    def original_outputs(self, node: gs.Node) -> list[str]:
        """Return the names of a node's outputs as they were before `rename`."""
        proto = self._node_proto(node)
        return [value.name for value in node.outputs] if proto is None else original_outputs(proto)

    def note(self, node: gs.Node, key: str, value: str | None) -> None:
        """Write an `hpass.*` key that is not part of a tag into the message of a node; remove it if `value` is None."""
        set_entry(self._imported.nodes[node], key, value)

    def annotate(self, values: Iterable[tuple[gs.Node, str]], key: str) -> int:
        """Write a key of another tool into the messages of nodes; return the number of nodes that this changed."""
        changed = sum(annotate(self._imported.nodes[node], key, value) for node, value in values)
        if changed:
            self.written_edits += Edits(changed=changed)
            self._fingerprint = fingerprint(self.skeleton)
        return changed

    def apply(self, tags: Iterable[tuple[gs.Node, Tag]], modules: ModuleTable, *, edited: bool = True) -> None:
        """Write the graph's edits, the tags and the module table into the message. All previous tags are removed.

        `edited` is False if the caller knows that there are no edits, which saves the time to look for them. Raises
        AssertionError if anything else in the message changed.
        """
        if edited:
            self.write_edits()
        remove_all_tags(self.skeleton)
        if fingerprint(self.skeleton) != self._fingerprint:
            raise AssertionError(f"{self.name}: tagging changed more than tags; this is a bug in hpass")
        # Many nodes have the same tag.
        written: dict[Tag, bytes] = {}
        for node, tag in tags:
            data = written.get(tag)
            if data is None:
                data = written[tag] = tag_bytes(tag, modules.path(tag.target))
            self._imported.nodes[node].MergeFromString(data)
        _write_table(self.skeleton, modules)

    def untagged(self) -> Path | onnx.ModelProto:
        """Return the model as it was before `apply`, for a runtime: the path of its file, or an untagged copy.

        It is a copy if there is no file, or if the file is so large that no runtime reads it.
        """
        path = Path(self.name)
        if self.folder is not None and path.is_file() and not self.is_too_large_for_runtimes:
            return path
        return stripped(self.for_runtime())

    def snapshot(self, tags: Iterable[tuple[gs.Node, Tag]], modules: ModuleTable) -> Model:
        """Return a tagged copy of the model. Edits are written into the message as well; its tags are not changed."""
        self.write_edits()
        tag_by_message = {id(self._imported.nodes[node]): tag for node, tag in tags}
        copy = onnx.ModelProto()
        copy.CopyFrom(self.skeleton)
        remove_all_tags(copy)
        for original, copied_node in zip(all_nodes(self.skeleton), all_nodes(copy), strict=True):
            tag = tag_by_message.get(id(original))
            if tag is not None:
                write_tag(copied_node, tag, modules.path(tag.target))
        _write_table(copy, modules)
        return Model(copy, self.name, self.folder, self.locations, self.placeholders)

    def strip(self) -> Stripped:
        """Undo what rewriting passes can undo, remove every `hpass.*` key, and return what was removed."""
        if "_imported" in vars(self):
            self._imported.as_read.clear()
        return strip(self.skeleton)

    def save(self, path: str | Path, external_data: ExternalDataMode = ExternalDataMode.COPY) -> None:
        """Write the message to a file atomically. Its external data is copied or linked if the folder is another one.

        Raises HpassError if the model or its external data cannot be written.
        """
        with model_file.transaction_for(path) as transaction:
            self.write(transaction, path, external_data)

    def write(
        self, transaction: Transaction, path: str | Path, external_data: ExternalDataMode = ExternalDataMode.COPY
    ) -> None:
        """Add the model's file and its external data to a transaction for the same path.

        Standard output, devices and pipes are written immediately. Raises HpassError as `save` does.
        """
        if str(path) == model_file.STANDARD_STREAM:
            with translate_write_errors("standard output"):
                model_file.send(self.skeleton, sys.stdout.buffer, self.placeholders)
                sys.stdout.buffer.flush()
            return
        target = Path(path)
        with translate_write_errors(target):
            if target.is_dir():
                raise HpassError(f"{target}: is a folder; name a file in it (-o {target / 'model.onnx'})")
            if not target.parent.is_dir():
                raise HpassError(f"{target.parent}: the folder does not exist; create it first")
            self._check_not_external_data(target)
            # No reader looks for external data next to a device or a pipe.
            is_regular_file = target.is_file() or not target.exists()
            if self.locations and self.folder is not None and is_regular_file:
                replaceable = _external_files_of(target)
                copy_external_data(
                    transaction, self.locations, self.folder, target, replaceable=replaceable, how=external_data
                )
            # The model is replaced last, after the files that it names.
            transaction.write(target, partial(model_file.write, self.skeleton, placeholders=self.placeholders))

    def _check_not_external_data(self, target: Path) -> None:
        """Raise HpassError if the model would overwrite its own external data, or the copy of it in the new folder."""
        for folder in (self.folder or Path(), *reading_folders(target)):
            for location in self.locations:
                if os.path.realpath(folder / location) == os.path.realpath(target):
                    raise HpassError(f"{target}: is the name of the model's external data; choose another name")

    def _node_proto(self, node: gs.Node) -> onnx.NodeProto | None:
        """Return the message that a node was read from; None if a pass created the node."""
        return self._imported.nodes.get(node)

    def _graph_proto(self, graph: gs.Graph) -> GraphLike | None:
        """Return the message that a region's graph was read from; None if a pass created the graph."""
        return self._imported.graphs.get(graph)

    def _metadata(self, key: str) -> str | None:
        return next((value for found, value in as_pairs(self.skeleton.metadata_props) if found == key), None)

    def _table(self, key: str) -> ModuleTable | None:
        text = self._metadata(key)
        return None if text is None else ModuleTable.loads(text, f"{self.name}: metadata {key!r}")


def _write_table(proto: onnx.ModelProto, modules: ModuleTable) -> None:
    for key, value in ((VERSION, FORMAT_VERSION), (MODULES, modules.dumps())):
        proto.metadata_props.add(key=key, value=value)


def _external_files_of(target: Path) -> list[str]:
    """Return the external files of the model at `target`; none if there is no model."""
    if not target.is_file():
        return []
    try:
        return model_file.external_files(model_file.read(target).proto)
    except HpassError:
        return []

"""A model file that hpass has tagged, read without onnx, protobuf and numpy, whose import takes longer than the file.

What commands print of stored tags is here: the nodes with the names of their values, their `hpass.*` keys, and the
module table. Weights and types of values are not read. Anything unusual or malformed is left to the complete reader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from ..tags.module_table import ModuleTable
from ..tags.tag_format import MODULES, PREFIX, VERSION, Tag, parse_tag
from .files.external_locations import check_locations
from .files.journal import recover_beside
from .files.skipped_fields import MAX_DEPTH, check_skipped_fields
from .files.source_file import SourceFile
from .files.wire import Read, UnusualError, contents, field_places
from .node_source import FunctionKey


def _tags(*numbers: int) -> tuple[int, ...]:
    """Return the tags of fields whose contents have a length, by their numbers in onnx.proto."""
    return tuple(number << 3 | 2 for number in numbers)


_MODEL_GRAPH, _MODEL_METADATA, _MODEL_TRAINING, _MODEL_FUNCTION = _tags(7, 14, 20, 25)
_FUNCTION_NAME, _FUNCTION_NODE, _FUNCTION_DOMAIN, _FUNCTION_ATTRIBUTE, _FUNCTION_OVERLOAD = _tags(1, 7, 10, 11, 13)
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE_INITIALIZER = _tags(1, 5, 15)
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OPERATOR, _NODE_ATTRIBUTE = _tags(1, 2, 3, 4, 5)
_NODE_DOMAIN, _NODE_OVERLOAD, _NODE_METADATA = _tags(7, 8, 9)
_NAME, _TENSOR, _GRAPH, _TENSORS, _GRAPHS, _REFERENCE, _SPARSE_TENSOR, _SPARSE_TENSORS = _tags(
    1, 5, 6, 10, 11, 21, 22, 23
)
_TYPE = 20 << 3
_SPARSE_VALUES, _SPARSE_INDICES = _tags(1, 2)
_TENSOR_RAW_DATA, _TENSOR_EXTERNAL_DATA = _tags(9, 13)
_TENSOR_LOCATION = 14 << 3
_ENTRY_KEY, _ENTRY_VALUE = _tags(1, 2)

# Values of AttributeProto.type and TensorProto.data_location.
_GRAPH_TYPE, _GRAPHS_TYPE, _TENSOR_TYPES = b"\x05", b"\x0a", (b"\x04", b"\x09", b"\x0b", b"\x0c")
_EXTERNAL = b"\x01"
_GROUP_WIRE_TYPES = (3, 4)
# Larger messages are left to the complete reader. So are deeper ones: protobuf reads 100 levels, a subgraph takes 3.
_MAX_BYTES = 1 << 24
_MAX_SUBGRAPHS = (100 - MAX_DEPTH) // 3 - 1


_Fields = defaultdict[int, list[bytes]]


class FileValue(NamedTuple):
    """A value that a node reads or writes. Its name is empty if it is left out."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class FileNode:
    """A node. `entries` are the `hpass.*` keys and values in its metadata."""

    name: str
    op: str
    domain: str
    overload: str
    inputs: tuple[FileValue, ...]
    outputs: tuple[FileValue, ...]
    entries: tuple[tuple[str, str], ...]


class _FileRegion(NamedTuple):
    """A graph whose nodes run in order. `function` is that of the body that contains it."""

    nodes: list[FileNode]
    position: str
    function: FunctionKey | None


class TaggedFile:
    """The nodes of a tagged file and what hpass wrote about them.

    `name`, `folder` and `locations` are those of a Model.
    """

    def __init__(
        self, path: Path, locations: list[str], metadata: list[tuple[str, str]], regions: list[_FileRegion]
    ) -> None:
        self.name = str(path)
        self.folder = path.parent
        self.locations = locations
        self._metadata = metadata
        self._regions = regions

    @classmethod
    def open(cls, path: Path) -> TaggedFile | None:
        """Open a file; None if only the complete reader can tell what it is: it has no tags, or is unusual.

        Raises HpassError if the external data of the model is missing or outside its folder.
        """
        try:
            recover_beside(path)
            file = SourceFile.open(path)
        except OSError:
            return None
        if file is None:
            return None
        try:
            found = _Reader(file.read)
            found.read_model(file.size)
        except (UnusualError, UnicodeDecodeError):
            return None
        finally:
            file.close()
        if all(key != VERSION for key, _ in found.metadata):
            return None
        locations = list(dict.fromkeys(found.locations))
        check_locations(locations, path.parent, str(path))
        return cls(path, locations, found.metadata, found.regions)

    def stored_modules(self) -> ModuleTable | None:
        """Return the module table that hpass wrote; None if there is none. Raises HpassError if invalid."""
        text = next((value for key, value in self._metadata if key == MODULES), None)
        return None if text is None else ModuleTable.loads(text, f"{self.name}: metadata {MODULES!r}")

    def nodes(self) -> Iterator[FileNode]:
        """Yield every node of every region."""
        for region in self._regions:
            yield from region.nodes

    def nodes_with_position(self) -> Iterator[tuple[str, FileNode]]:
        """Yield the position of every node, such as `#12/then_branch#3`, and the node."""
        for region in self._regions:
            for index, node in enumerate(region.nodes):
                yield f"{region.position}#{index}", node

    def main_nodes(self) -> Iterator[FileNode]:
        """Yield the nodes of the main graph and its subgraphs."""
        for region in self._regions:
            if region.function is None:
                yield from region.nodes

    def function_regions(self) -> Iterator[tuple[FunctionKey, list[FileNode]]]:
        """Yield the nodes of each function body and of each subgraph in one, with the function."""
        for region in self._regions:
            if region.function is not None:
                yield region.function, region.nodes

    def call_key(self, node: FileNode) -> FunctionKey:
        """Return the domain, name and overload of the function that a node calls, if it calls any."""
        return node.domain, node.op, node.overload

    def stored_entries(self, node: FileNode) -> list[tuple[str, str]]:
        """Return the `hpass.*` keys and values of a node."""
        return list(node.entries)

    def stored_tag(self, node: FileNode) -> Tag | None:
        """Return the tag of a node; None if it has none."""
        return parse_tag(node.entries)


class _Reader:
    """Reads a model. Raises UnusualError, or UnicodeDecodeError, if something is unusual."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.metadata: list[tuple[str, str]] = []
        self.regions: list[_FileRegion] = []
        self.locations: list[str] = []

    def read_model(self, size: int) -> None:
        graphs: list[tuple[int, int]] = []
        functions: list[tuple[int, int]] = []
        skipped = _Fields(list)
        for tag, start, end in _fields(self._read, 0, size):
            if tag == _MODEL_GRAPH:
                graphs.append((start, end))
            elif tag == _MODEL_FUNCTION:
                functions.append((start, end))
            elif tag == _MODEL_METADATA:
                self.metadata.append(_entry(self._bytes(start, end)))
            elif tag == _MODEL_TRAINING:
                raise UnusualError
            else:
                skipped[tag].append(self._bytes(start, end))
        check_skipped_fields("ModelProto", skipped)
        if len(graphs) != 1:
            raise UnusualError
        self._read_graph(*graphs[0])
        seen: dict[str, int] = {}
        for start, end in functions:
            self._read_function(contents(self._bytes(start, end)), seen)

    def _read_graph(self, start: int, end: int) -> None:
        """Read the main graph field by field, because its initializers may be large."""
        nodes: list[bytes] = []
        sparse: list[bytes] = []
        skipped = _Fields(list)
        for tag, field_start, field_end in _fields(self._read, start, end):
            if tag == _GRAPH_NODE:
                nodes.append(self._bytes(field_start, field_end))
            elif tag == _GRAPH_INITIALIZER:
                self._read_tensor(self._read, field_start, field_end)
            elif tag == _GRAPH_SPARSE_INITIALIZER:
                sparse.append(self._bytes(field_start, field_end))
            else:
                skipped[tag].append(self._bytes(field_start, field_end))
        check_skipped_fields("GraphProto", skipped)
        self._read_sparse_tensors(sparse)
        self._read_nodes(nodes, "", None, 0)

    def _read_function(self, fields: _Fields, seen: dict[str, int]) -> None:
        if any(_has_messages(contents(attribute)) for attribute in fields[_FUNCTION_ATTRIBUTE]):
            raise UnusualError
        check_skipped_fields("FunctionProto", fields)
        key = (_text(fields, _FUNCTION_DOMAIN), _text(fields, _FUNCTION_NAME), _text(fields, _FUNCTION_OVERLOAD))
        position = f"{key[0]}::{key[1]}"
        index = seen[position] = seen.get(position, -1) + 1
        self._read_nodes(fields[_FUNCTION_NODE], f"{position}:{index}" if index else position, key, 0)

    def _read_subgraph(self, data: bytes, position: str, function: FunctionKey | None, depth: int) -> None:
        if depth > _MAX_SUBGRAPHS:
            raise UnusualError
        fields = contents(data)
        check_skipped_fields("GraphProto", fields)
        self._read_tensors(fields[_GRAPH_INITIALIZER])
        self._read_sparse_tensors(fields[_GRAPH_SPARSE_INITIALIZER])
        self._read_nodes(fields[_GRAPH_NODE], position, function, depth)

    def _read_nodes(self, messages: list[bytes], position: str, function: FunctionKey | None, depth: int) -> None:
        nodes: list[FileNode] = []
        subgraphs: list[tuple[str, bytes]] = []
        self.regions.append(_FileRegion(nodes, position, function))
        for message in messages:
            fields = contents(message)
            check_skipped_fields("NodeProto", fields)
            if _NODE_ATTRIBUTE in fields:
                found = self._read_attributes(fields[_NODE_ATTRIBUTE])
                subgraphs += [(f"{position}#{len(nodes)}/{name}", graph) for name, graph in found]
            nodes.append(_node(fields))
        for inner_position, graph in subgraphs:
            self._read_subgraph(graph, inner_position, function, depth + 1)

    def _read_attributes(self, messages: list[bytes]) -> list[tuple[str, bytes]]:
        """Read the tensors in attributes, and return the subgraphs with the names of their attributes."""
        found: list[tuple[str, bytes]] = []
        names: set[str] = set()
        for fields in map(contents, messages):
            check_skipped_fields("AttributeProto", fields)
            name = _text(fields, _NAME)
            if name in names:
                raise UnusualError
            names.add(name)
            if _has_messages(fields):
                found += self._read_messages(name, fields)
        return found

    def _read_messages(self, name: str, fields: _Fields) -> list[tuple[str, bytes]]:
        """Read an attribute of tensors or subgraphs. One that has both, or has others than its type, is unusual."""
        graph, graphs = fields[_GRAPH], fields[_GRAPHS]
        tensors, sparse_tensors = fields[_TENSOR], fields[_SPARSE_TENSOR]
        kind = b"".join(fields[_TYPE])
        if kind in _TENSOR_TYPES and not (graph or graphs or tensors[1:] or sparse_tensors[1:]):
            self._read_tensors([*tensors, *fields[_TENSORS]])
            self._read_sparse_tensors([*sparse_tensors, *fields[_SPARSE_TENSORS]])
            return []
        if any(fields[tag] for tag in (_TENSOR, _TENSORS, _SPARSE_TENSOR, _SPARSE_TENSORS, _REFERENCE)):
            raise UnusualError
        if kind == _GRAPH_TYPE and len(graph) == 1 and not graphs:
            return [(name, graph[0])]
        if kind == _GRAPHS_TYPE and not graph:
            return [(f"{name}[{index}]", each) for index, each in enumerate(graphs)]
        raise UnusualError

    def _read_sparse_tensors(self, messages: list[bytes]) -> None:
        for fields in map(contents, messages):
            check_skipped_fields("SparseTensorProto", fields)
            for tag in (_SPARSE_VALUES, _SPARSE_INDICES):
                if len(fields[tag]) > 1:
                    raise UnusualError
                self._read_tensors(fields[tag])

    def _read_tensors(self, messages: list[bytes]) -> None:
        for data in messages:
            self._read_tensor(partial(_slice, data), 0, len(data))

    def _read_tensor(self, read: Read, start: int, end: int) -> None:
        """Read where the external data of a tensor is. Its raw values are skipped."""
        is_external = False
        locations: list[str] = []
        skipped = _Fields(list)
        for tag, field_start, field_end in _fields(read, start, end):
            if tag == _TENSOR_LOCATION:
                is_external = read(field_start, field_end) == _EXTERNAL
            elif tag == _TENSOR_EXTERNAL_DATA:
                key, value = _entry(read(field_start, field_end))
                locations += [value] if key == "location" else []
            elif tag != _TENSOR_RAW_DATA:
                skipped[tag].append(self._bytes(field_start, field_end, read))
        check_skipped_fields("TensorProto", skipped)
        if is_external:
            self.locations += locations

    def _bytes(self, start: int, end: int, read: Read | None = None) -> bytes:
        if end - start > _MAX_BYTES:
            raise UnusualError
        return (read or self._read)(start, end)


def _fields(read: Read, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the tag, the start and the end of each field of a message. A group is unusual."""
    for number, wire_type, _, field_start, field_end in field_places(read, start, end):
        if wire_type in _GROUP_WIRE_TYPES:
            raise UnusualError
        yield number << 3 | wire_type, field_start, field_end


def _node(fields: _Fields) -> FileNode:
    entries = map(_entry, fields[_NODE_METADATA])
    return FileNode(
        _text(fields, _NODE_NAME),
        _text(fields, _NODE_OPERATOR),
        _text(fields, _NODE_DOMAIN),
        _text(fields, _NODE_OVERLOAD),
        tuple(FileValue(name.decode()) for name in fields[_NODE_INPUT]),
        tuple(FileValue(name.decode()) for name in fields[_NODE_OUTPUT]),
        tuple(entry for entry in entries if entry[0].startswith(PREFIX)),
    )


def _text(fields: _Fields, tag: int) -> str:
    """Return a string field. Protobuf takes the last one."""
    return fields[tag][-1].decode() if tag in fields else ""


@lru_cache(maxsize=65536)
def _entry(data: bytes) -> tuple[str, str]:
    """Return the key and the value of an entry. Cached, because many nodes have the same."""
    fields = contents(data)
    return _text(fields, _ENTRY_KEY), _text(fields, _ENTRY_VALUE)


def _has_messages(fields: _Fields) -> bool:
    return any(tag in fields for tag in (_TENSOR, _GRAPH, _TENSORS, _GRAPHS, _SPARSE_TENSOR, _SPARSE_TENSORS))


def _slice(data: bytes, start: int, end: int) -> bytes:
    return data[start:end]

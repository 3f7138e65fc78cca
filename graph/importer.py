"""Import ONNX messages as a graphsurgeon graph, one graphsurgeon node per NodeProto, without copying weights.

graphsurgeon's own importer raises on some valid models (strings that are not UTF-8, empty lists, untyped graph inputs)
and takes several times longer. Attributes that graphsurgeon cannot represent (types, sparse tensors, lists of tensors)
are not in the graph; they stay in the original messages, which write_back.py keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

import onnx
import onnx_graphsurgeon as gs
from onnx import AttributeProto
from onnx_graphsurgeon.util.misc import convert_from_onnx_attr_type

from ..identity_map import IdentityMap
from .decode import as_text
from .fast_nodes import make_constant, make_node, make_variable
from .graphsurgeon_log import use_python_logging
from .lazy_values import DenseValues, SparseTensorValues, Storage, Values, element_type
from .walk import GraphLike

# Names as protobuf returns them: bytes if they are not UTF-8.
_ValuesByName = dict[str | bytes, gs.Tensor]


class DeclaredType(NamedTuple):
    """A value whose type the file declares: the tensor, the declaring message, and the imported type."""

    tensor: gs.Tensor
    info: onnx.ValueInfoProto
    dtype: Any
    shape: tuple[Any, ...] | None

    @property
    def type_differs(self) -> bool:
        """Whether a pass changed the type of the value."""
        return self.dtype != self.tensor.dtype or self.shape != _as_tuple(self.tensor.shape)


PlainNode = tuple[str, str, str | None, list[gs.Tensor], list[gs.Tensor]]
"""What a node without attributes, of which every value has a name, was when it was read.

The operator, the name, the domain, the inputs and the outputs: a plain tuple, because each node has one.
"""


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A graphsurgeon graph with the messages that it was read from.

    `nodes` and `graphs` map nodes and graphs to their messages. For each graph, `constants` has the initializers with
    their original values, and `declared` has the values whose types the file declares. `as_read` has what the nodes in
    the message of a graph were when it was read, in order, with None for those that are not plain; it is empty if the
    messages have been edited since. `values` are the values of each graph by name. `storage` has the values of tensors
    that are not in the messages.
    """

    graph: gs.Graph
    nodes: IdentityMap[gs.Node, onnx.NodeProto]
    graphs: IdentityMap[gs.Graph, GraphLike]
    constants: IdentityMap[gs.Graph, list[tuple[gs.Constant, Values]]]
    declared: IdentityMap[gs.Graph, list[DeclaredType]]
    as_read: IdentityMap[GraphLike, list[PlainNode | None]]
    values: list[_ValuesByName]
    storage: Storage


def import_model(model: onnx.ModelProto, storage: Storage) -> ImportedModel:
    """Import a model. `storage` has the values that are not in its message."""
    use_python_logging()
    return _Importer(model, storage).run()


def _decode_string(value: bytes) -> str | bytes:
    """Return the value of a string attribute as text if it is UTF-8, else as bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def read_type(value_type: onnx.TypeProto) -> tuple[Any, list[int | str | None] | None, str | None]:
    """Return the element type, the shape and the field name of a TypeProto, as graphsurgeon represents them.

    The element type and the shape are None if they are unknown or the type is not a tensor type. A dimension is an int,
    a symbolic name, or None if it is unknown. The field name is `tensor_type`, `sequence_type`, ...
    """
    dtype, shape, field = _parse_type(value_type.SerializeToString())
    return dtype, None if shape is None else list(shape), field


@lru_cache(maxsize=4096)
def _parse_type(message: bytes) -> tuple[Any, tuple[int | str | None, ...] | None, str | None]:
    """Parse a serialised type. Cached, because a model has few types and many values of each."""
    value_type = onnx.TypeProto.FromString(message)
    kind = cast("str | None", value_type.WhichOneof("value"))
    if kind not in ("tensor_type", "sparse_tensor_type"):
        return None, None, kind
    tensor = getattr(value_type, kind)
    shape = tuple(_dimension(dim) for dim in tensor.shape.dim) if tensor.HasField("shape") else None
    return element_type(tensor.elem_type) if tensor.elem_type else None, shape, kind


def _dimension(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    which = dim.WhichOneof("value")
    return None if which is None else as_text(dim.dim_param) if which == "dim_param" else dim.dim_value


class _Importer:
    def __init__(self, model: onnx.ModelProto, storage: Storage) -> None:
        self.model = model
        self.storage = storage
        self.opset = _default_opset(model.opset_import)
        self.nodes: IdentityMap[gs.Node, onnx.NodeProto] = IdentityMap()
        self.graphs: IdentityMap[gs.Graph, GraphLike] = IdentityMap()
        self.constants: IdentityMap[gs.Graph, list[tuple[gs.Constant, Values]]] = IdentityMap()
        self.declared: IdentityMap[gs.Graph, list[DeclaredType]] = IdentityMap()
        self.as_read: IdentityMap[GraphLike, list[PlainNode | None]] = IdentityMap()
        self.values: list[_ValuesByName] = []

    def run(self) -> ImportedModel:
        graph = self.import_graph(self.model.graph, [])
        graph.functions = [self.import_function(function) for function in self.model.functions]
        graph.producer_name = self.model.producer_name
        graph.producer_version = self.model.producer_version
        return ImportedModel(
            graph, self.nodes, self.graphs, self.constants, self.declared, self.as_read, self.values, self.storage
        )

    def import_graph(self, proto: onnx.GraphProto, outer: Sequence[_ValuesByName]) -> gs.Graph:
        initializers: list[Values] = [SparseTensorValues(sparse, self.storage) for sparse in proto.sparse_initializer]
        initializers += [DenseValues(tensor, self.storage) for tensor in proto.initializer]
        constants = [(_make_constant(original), original) for original in initializers]
        values: _ValuesByName = {original.raw_name: constant for constant, original in constants}
        for info in proto.value_info:
            if info.name not in values:
                values[info.name] = _make_typed_variable(info)
        inputs = [_interface_tensor(info, values) for info in proto.input]
        outputs = [_interface_tensor(info, values) for info in proto.output]
        nodes = self.import_nodes(proto, values, outer)
        graph = gs.Graph(
            # The constructor looks for subgraphs in each node, which are in attributes.
            nodes=[node for node in nodes if node.attrs],
            inputs=[tensor for tensor in inputs if not isinstance(tensor, gs.Constant)],
            outputs=outputs,
            name=as_text(proto.name),
            doc_string=proto.doc_string,
            opset=self.opset,
            import_domains=self.model.opset_import,
            ir_version=self.model.ir_version,
        )
        graph.nodes[:] = nodes
        self.graphs[graph] = proto
        self.constants[graph] = constants
        infos = (*proto.input, *proto.output, *proto.value_info)
        self.declared[graph] = [_declared_type(info, values) for info in infos]
        return graph

    def import_function(self, proto: onnx.FunctionProto) -> gs.Function:
        values: _ValuesByName = {info.name: _make_typed_variable(info) for info in proto.value_info}
        inputs = [_local_tensor(name, values) for name in proto.input]
        outputs = [_local_tensor(name, values) for name in proto.output]
        attributes: dict[str, Any] = dict.fromkeys(as_text(name) for name in proto.attribute)
        attributes.update(self.import_attributes(proto.attribute_proto, [values]))
        function = gs.Function(
            as_text(proto.name),
            as_text(proto.domain),
            nodes=self.import_nodes(proto, values, []),
            inputs=inputs,
            outputs=outputs,
            doc_string=proto.doc_string,
            opset=_default_opset(proto.opset_import) or self.opset,
            import_domains=proto.opset_import,
            attrs=attributes,
        )
        self.graphs[function] = proto
        self.declared[function] = [_declared_type(info, values) for info in proto.value_info]
        return function

    def import_nodes(self, holder: GraphLike, values: _ValuesByName, outer: Sequence[_ValuesByName]) -> list[gs.Node]:
        nodes: list[gs.Node] = []
        as_read: list[PlainNode | None] = []
        for proto in holder.node:
            op, name, domain = as_text(proto.op_type), as_text(proto.name), as_text(proto.domain) or None
            input_names, output_names = list(proto.input), list(proto.output)
            inputs = [(value and values.get(value)) or _visible_tensor(value, values, outer) for value in input_names]
            outputs = [(value and values.get(value)) or _local_tensor(value, values) for value in output_names]
            node = make_node(op, name, inputs, outputs, domain)
            self.nodes[node] = proto
            attributes = proto.attribute
            if attributes:
                node.attrs = self.import_attributes(attributes, [values, *outer])
            is_plain = not attributes and "" not in input_names and "" not in output_names
            as_read.append((op, name, domain, inputs, outputs) if is_plain else None)
            nodes.append(node)
        self.as_read[holder] = as_read
        self.values.append(values)
        return nodes

    def import_attributes(
        self, attributes: Iterable[AttributeProto], visible: Sequence[_ValuesByName]
    ) -> dict[str, Any]:
        imported: dict[str, Any] = {}
        for name, attribute in first_of_each_name(attributes):
            kind = attribute.type
            if attribute.ref_attr_name:
                imported[name] = gs.Node.AttributeRef(
                    as_text(attribute.ref_attr_name), convert_from_onnx_attr_type(kind)
                )
            elif kind == AttributeProto.GRAPH:
                imported[name] = self.import_graph(attribute.g, visible)
            elif kind == AttributeProto.GRAPHS:
                imported[name] = [self.import_graph(graph, visible) for graph in attribute.graphs]
            elif kind == AttributeProto.TENSOR:
                imported[name] = _make_constant(DenseValues(attribute.t, self.storage))
            elif (value := attribute_value(attribute)) is not None:
                imported[name] = value
        return imported


def first_of_each_name(attributes: Iterable[AttributeProto]) -> Iterator[tuple[str, AttributeProto]]:
    """Yield attributes by name. A second one of a name is invalid ONNX and stays in the message only."""
    seen: set[str] = set()
    for attribute in attributes:
        name = as_text(attribute.name)
        if name not in seen:
            seen.add(name)
            yield name, attribute


def attribute_value(attribute: AttributeProto) -> Any:
    """Return the value of an attribute of numbers or strings; None if the attribute has another type."""
    match attribute.type:
        case AttributeProto.INT:
            return attribute.i
        case AttributeProto.INTS:
            return list(attribute.ints)
        case AttributeProto.FLOAT:
            return attribute.f
        case AttributeProto.FLOATS:
            return list(attribute.floats)
        case AttributeProto.STRING:
            return _decode_string(attribute.s)
        case AttributeProto.STRINGS:
            return [_decode_string(string) for string in attribute.strings]
        case _:
            return None


def _make_constant(values: Values) -> gs.Constant:
    return make_constant(values.name, values, values.location)


def _make_typed_variable(info: onnx.ValueInfoProto) -> gs.Variable:
    dtype, shape, kind = read_type(info.type)
    return gs.Variable(as_text(info.name), dtype, shape, kind or "tensor_type")


def _declared_type(info: onnx.ValueInfoProto, values: _ValuesByName) -> DeclaredType:
    tensor = values[info.name]
    return DeclaredType(tensor, info, tensor.dtype, _as_tuple(tensor.shape))


def _as_tuple(shape: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if shape is None else tuple(shape)


def _interface_tensor(info: onnx.ValueInfoProto, values: _ValuesByName) -> gs.Tensor:
    """Return the tensor of a graph input or output, with the type that the input or output declares."""
    known = values.get(info.name)
    if isinstance(known, gs.Variable):
        dtype, shape, _ = read_type(info.type)
        known.dtype = known.dtype if dtype is None else dtype
        known.shape = known.shape if shape is None else shape
        return known
    return known or values.setdefault(info.name, _make_typed_variable(info))


def _local_tensor(name: str | bytes, values: _ValuesByName) -> gs.Tensor:
    if not name:
        return make_variable("")
    tensor = values.get(name)
    if tensor is None:
        tensor = values[name] = make_variable(as_text(name))
    return tensor


def _visible_tensor(name: str | bytes, values: _ValuesByName, outer: Sequence[_ValuesByName]) -> gs.Tensor:
    """Return the tensor that a node reads: one of its region, of an outer region, or a new one that no node writes."""
    if name and name not in values:
        for scope in outer:
            if name in scope:
                return scope[name]
    return _local_tensor(name, values)


def _default_opset(imports: Iterable[onnx.OperatorSetIdProto]) -> int | None:
    return next((opset.version for opset in imports if opset.domain in ("", "ai.onnx")), None)

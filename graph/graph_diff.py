"""Compare a graph with the messages it was read from, and count the edits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import AttributeProto

from .decode import as_text
from .edits import Edits
from .importer import ImportedModel, PlainNode, attribute_value, first_of_each_name
from .lazy_values import DenseValues, Values
from .regions import Region, regions
from .walk import GraphLike


def count_edits(imported: ImportedModel) -> Edits:
    """Count the edits in all regions. The time is linear in the number of nodes."""
    all_regions = regions(imported.graph)
    renamed = any(tensor.name != name for values in imported.values for name, tensor in values.items())
    found = sum((_region_edits(region, imported, renamed=renamed) for region in all_regions), Edits())
    present = sum(len(region.graph.nodes) for region in all_regions) - found.created
    return found + Edits(removed=len(imported.nodes) - present)


def node_differs(node: gs.Node, proto: onnx.NodeProto, imported: ImportedModel) -> bool:
    """Whether a node differs from the message it was read from."""
    return (
        # The comparison without as_text is nearly always sufficient and saves a call per node.
        (node.op != proto.op_type and node.op != as_text(proto.op_type))
        or (node.name != proto.name and node.name != as_text(proto.name))
        or ((node.domain or "") != proto.domain and (node.domain or "") != as_text(proto.domain))
        or ([tensor.name for tensor in node.inputs] != proto.input and names_differ(node.inputs, proto.input))
        or ([tensor.name for tensor in node.outputs] != proto.output and names_differ(node.outputs, proto.output))
        or (
            bool(node.attrs or proto.attribute)
            and any(True for _ in attribute_edits(node.attrs, proto.attribute, imported))
        )
    )


def _is_as_read(node: gs.Node, read: PlainNode | None) -> bool:
    """Whether a node is what it was when it was read. Values count as equal if they are the same objects.

    To compare with the message takes several times longer.
    """
    if read is None:
        return False
    op, name, domain, inputs, outputs = read
    return (
        node.op == op
        and node.name == name
        and node.domain == domain
        and inputs == node.inputs
        and outputs == node.outputs
        and not node.attrs
    )


def names_differ(tensors: Sequence[gs.Tensor], names: Sequence[str | bytes]) -> bool:
    """Whether the names of values differ from those in the file."""
    return [tensor.name for tensor in tensors] != [as_text(name) for name in names]


def attribute_edits(
    attrs: Mapping[str, Any], protos: Iterable[AttributeProto], imported: ImportedModel
) -> Iterator[str]:
    """Yield the names of attributes that were created, changed or removed."""
    remaining = dict(attrs)
    for name, proto in first_of_each_name(protos):
        if name in remaining:
            if not _same_attribute(remaining.pop(name), proto, imported):
                yield name
        elif _is_representable(proto):
            yield name
    yield from remaining


def constant_differs(constant: gs.Constant, original: Values) -> bool:
    """Whether the name or the values of an initializer differ from those in the file."""
    return constant.name != original.name or values_differ(constant, original)


def values_differ(constant: gs.Constant, original: Values) -> bool:
    """Whether the values of a constant differ from those in the file. Values that no pass has loaded are not loaded."""
    values = constant._values  # noqa: SLF001 - .values would load them
    if values is original:
        return False
    if not isinstance(original, DenseValues) or isinstance(values, DenseValues):
        return True
    array = np.asarray(values)
    if original.dtype != array.dtype or original.shape != list(array.shape):
        return True
    original_array = original.load()
    return (
        array.tolist() != original_array.tolist()
        if array.dtype.hasobject
        else array.tobytes() != original_array.tobytes()
    )


def interface_fields(graph: gs.Graph, proto: GraphLike) -> Iterator[tuple[Any, list[gs.Tensor], list[str]]]:
    """Yield the inputs and the outputs: the message's field, the graph's tensors, and the names in the file.

    Inputs that are also initializers are omitted, because graphsurgeon represents them as constants.
    """
    if isinstance(proto, onnx.FunctionProto):
        yield proto.input, graph.inputs, [as_text(name) for name in proto.input]
        yield proto.output, graph.outputs, [as_text(name) for name in proto.output]
        return
    initializers = {tensor.name for tensor in proto.initializer}
    initializers |= {sparse.values.name for sparse in proto.sparse_initializer}
    yield proto.input, graph.inputs, [as_text(info.name) for info in proto.input if info.name not in initializers]
    yield proto.output, graph.outputs, [as_text(info.name) for info in proto.output]


def _region_edits(region: Region, imported: ImportedModel, *, renamed: bool) -> Edits:
    """Count the edits in a region. `renamed` says whether any value may have another name than in the file."""
    graph = region.graph
    proto = imported.graphs.get(graph)
    known = list(imported.nodes.values_of(graph.nodes))
    messages = [id(message) for message in known if message is not None]
    original_messages = [] if proto is None else [id(message) for message in proto.node]
    as_read = None if proto is None or renamed else imported.as_read.get(proto)
    if as_read is None or messages != original_messages or len(messages) < len(known):
        as_read = [None] * len(known)
    changed = sum(
        message is not None and not _is_as_read(node, read) and node_differs(node, message, imported)
        for node, message, read in zip(graph.nodes, known, as_read, strict=True)
    )
    return Edits(
        created=len(known) - len(messages),
        changed=changed,
        moved=0 if messages == original_messages else _moved_count(messages, original_messages),
        values=_value_edits(graph, proto, imported),
    )


def _moved_count(messages: list[int], original_messages: list[int]) -> int:
    """Count the nodes that come from another region, and those whose position among the remaining nodes changed."""
    present, original = set(messages), set(original_messages)
    kept = [key for key in messages if key in original]
    original_order = [key for key in original_messages if key in present]
    return len(messages) - len(kept) + sum(one != two for one, two in zip(kept, original_order, strict=True))


def _value_edits(graph: gs.Graph, proto: GraphLike | None, imported: ImportedModel) -> int:
    constants = imported.constants.get(graph) or ()
    count = sum(constant_differs(constant, original) for constant, original in constants)
    count += sum(declared.type_differs for declared in imported.declared.get(graph) or ())
    if proto is not None:
        count += sum(
            [tensor.name for tensor in tensors] != names for _, tensors, names in interface_fields(graph, proto)
        )
    return count


def _is_representable(proto: AttributeProto) -> bool:
    known = (AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR)
    return bool(proto.ref_attr_name) or proto.type in known or attribute_value(proto) is not None


def _same_attribute(value: Any, proto: AttributeProto, imported: ImportedModel) -> bool:
    if isinstance(value, gs.Node.AttributeRef):
        return value.name == as_text(proto.ref_attr_name)
    if proto.ref_attr_name:
        return False
    match proto.type:
        case AttributeProto.GRAPH:
            return isinstance(value, gs.Graph) and imported.graphs.get(value) is proto.g
        case AttributeProto.GRAPHS:
            graphs = cast("list[Any]", value) if isinstance(value, list) else []
            messages = [imported.graphs.get(graph) for graph in graphs]
            return [id(message) for message in messages] == [id(message) for message in proto.graphs]
        case AttributeProto.TENSOR:
            return isinstance(value, gs.Constant) and not _tensor_differs(value, proto.t, imported)
        case _:
            # repr distinguishes -0.0 from 0.0 and treats two NaNs as equal.
            return repr(attribute_value(proto)) == repr(value)


def _tensor_differs(constant: gs.Constant, tensor: onnx.TensorProto, imported: ImportedModel) -> bool:
    values = constant._values  # noqa: SLF001 - .values would load them
    if isinstance(values, DenseValues) and (values.tensor is tensor or values.tensor == tensor):
        return False
    return values_differ(constant, DenseValues(tensor, imported.storage))

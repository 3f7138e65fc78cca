"""The modules of nodes that a tool inserted for the sake of others: quantisers, and Reshapes around fused products.

The names of such nodes say what they were made of, which is no module: `/a/Add_output_0_QuantizeLinear` quantises a
value for whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import onnx_graphsurgeon as gs

from ..evidence.tool_affixes import without_affixes
from ..tags.module_table import ModuleTable
from ..tags.scope import lca
from ..tags.tag_format import Confidence, Source, Tag
from ..tags.tag_store import TagStore

_QUANTISERS = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"})
_INTEGER_PRODUCTS = frozenset({"ConvInteger", "MatMulInteger"})
_INSERTED = _QUANTISERS | _INTEGER_PRODUCTS | {"Cast", "Mul", "Reshape"}
# onnxruntime and onnxslim make a Gemm of MatMul and Add, between two Reshapes with these names.
_RESHAPE_OF_GEMM = re.compile(r"(?:gemm_(?:in|out)put|.*_(?:pre|post))_reshape(?:_token_\d+)?")


def inserted_nodes(graph: gs.Graph, tags: TagStore, modules: ModuleTable) -> Iterator[tuple[gs.Node, Tag, str]]:
    """Yield the inserted nodes of a graph, each with its tag and the reason, in an order to tag them in.

    A tag follows from those that were yielded before, so each must be in `tags` before the next is asked for.
    """
    nodes = [node for node in graph.nodes if node.op in _INSERTED and _is_uncertain(node, tags.get(node))]
    for node in nodes:
        bias = _bias(node)
        tag = None if bias is None else tags.get(bias)
        if tag is not None and not _is_uncertain(bias, tag):
            yield node, _inherited(tag.scope, [tag]), "its bias is added there"
    for node in nodes:
        product = _scaled_product(node)
        tag = None if product is None else tags.get(product)
        if tag is not None:
            yield node, _inherited(tag.scope, [tag]), "it makes floats of the integers of a product"
    for node in reversed(nodes):
        if node.op in _QUANTISERS:
            served, reason = _readers(node), "it quantises what its readers compute with"
        else:
            served, reason = _fused_products(node), "it reshapes for a fused product"
        found = [tag for other in served if (tag := tags.get(other)) is not None]
        if found:
            yield node, _inherited(modules.nearest_called(lca([tag.scope for tag in found])), found), reason


def _is_uncertain(node: gs.Node | None, tag: Tag | None) -> bool:
    """Whether nothing says where a node ran: its name has what a tool appended to that of another node or value."""
    if tag is None or tag.source in (Source.INHERITED, Source.FALLBACK):
        return True
    if node is None or node.op not in {*_QUANTISERS, "Reshape"}:
        return False
    return tag.source is Source.PARAMETER or (tag.source is Source.NAME and without_affixes(node.name) != node.name)


def _bias(product: gs.Node) -> gs.Node | None:
    """Return the Add that adds a constant vector to the result of a product of integers, once that is a float."""
    if product.op not in _INTEGER_PRODUCTS:
        return None
    node = product
    for operator in ("Cast", "Mul", "Add"):
        readers = _readers(node)
        if len(readers) != 1 or readers[0].op != operator:
            return None
        node = readers[0]
    reads_vector = any(isinstance(tensor, gs.Constant) and len(tensor.shape) == 1 for tensor in node.inputs)
    return node if reads_vector else None


def _scaled_product(node: gs.Node) -> gs.Node | None:
    """Return the product of integers whose result a node casts or scales, or for which it multiplies two scales."""
    if node.op == "Cast":
        return _cast_product([node])
    if node.op != "Mul":
        return None
    producers, readers = _producers(node), _readers(node)
    product = _cast_product(producers)
    # The scale of an input is multiplied with that of the weight before both scale the product.
    if product is None and len(readers) == 1 and any(producer.op == "DynamicQuantizeLinear" for producer in producers):
        product = _cast_product(_producers(readers[0]))
    return product


def _cast_product(nodes: Sequence[gs.Node]) -> gs.Node | None:
    """Return the first product of integers whose result one of some nodes casts."""
    producers = (producer for node in nodes if node.op == "Cast" for producer in _producers(node))
    return next((producer for producer in producers if producer.op in _INTEGER_PRODUCTS), None)


def _fused_products(node: gs.Node) -> Sequence[gs.Node]:
    """Return the Gemms that a Reshape was inserted for."""
    if node.op != "Reshape" or _RESHAPE_OF_GEMM.fullmatch(node.name) is None:
        return ()
    readers = _readers(node)
    if readers and all(reader.op == "Gemm" for reader in readers):
        return readers
    return [producer for producer in _producers(node) if producer.op == "Gemm"]


def _producers(node: gs.Node) -> list[gs.Node]:
    return [producer for tensor in node.inputs for producer in tensor.inputs]


def _readers(node: gs.Node) -> list[gs.Node]:
    return [reader for tensor in node.outputs for reader in tensor.outputs]


def _inherited(scope: str, tags: Sequence[Tag]) -> Tag:
    is_low = any(tag.confidence is Confidence.LOW for tag in tags)
    return Tag(scope, Source.INHERITED, Confidence.LOW if is_low else Confidence.MEDIUM)

"""The modules of nodes that a quantiser inserted: those of the nodes whose inputs or results they convert.

The name of such a node says what it was made of, not where it runs: `/a/Add_output_0_QuantizeLinear` quantises the
result of an addition for the nodes that read it.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx_graphsurgeon as gs

from ..evidence.tool_affixes import without_affixes
from ..tags.module_table import ModuleTable
from ..tags.scope import lca
from ..tags.tag_format import Confidence, Source, Tag
from ..tags.tag_store import TagStore

_QUANTISERS = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"})
_INTEGER_PRODUCTS = frozenset({"ConvInteger", "MatMulInteger"})


def inserted_nodes(graph: gs.Graph, tags: TagStore, modules: ModuleTable) -> Iterator[tuple[gs.Node, Tag, str]]:
    """Yield the inserted nodes of a graph, each with its tag and the reason.

    The caller sets each tag in `tags` before it takes the next node: later tags follow from earlier ones.
    """
    nodes = list(graph.nodes)
    for node in nodes:
        product = _product(node)
        tag = None if product is None else tags.get(product)
        if tag is not None and _is_uncertain(node, tags.get(node)):
            yield node, _inherited(tag.scope, tag), "it converts the result of a product of integers"
    for node in reversed(nodes):
        if node.op in _QUANTISERS and _is_uncertain(node, tags.get(node)):
            readers = [tag for reader in _readers(node) if (tag := tags.get(reader)) is not None]
            if readers:
                scope = modules.nearest_called(lca([tag.scope for tag in readers]))
                yield node, _inherited(scope, *readers), "it converts the input of the nodes that read it"


def _is_uncertain(node: gs.Node, tag: Tag | None) -> bool:
    """Whether nothing says where a node runs, except a name that a tool derived from another name."""
    if tag is None or tag.source in (Source.INHERITED, Source.FALLBACK, Source.PARAMETER):
        return True
    return tag.source is Source.NAME and without_affixes(node.name) != node.name


def _product(node: gs.Node) -> gs.Node | None:
    """Return the product of integers whose result a node casts or scales."""
    if node.op == "Cast":
        producers = _producers(node)
        return producers[0] if producers and producers[0].op in _INTEGER_PRODUCTS else None
    if node.op != "Mul":
        return None
    for producer in _producers(node):
        if producer.op == "Cast":
            return _product(producer)
    # The scales of the two factors are multiplied first.
    readers = _readers(node)
    if len(readers) == 1 and readers[0].op == "Mul" and any(p.op == "DynamicQuantizeLinear" for p in _producers(node)):
        return _product(readers[0])
    return None


def _producers(node: gs.Node) -> list[gs.Node]:
    return [producer for tensor in node.inputs for producer in tensor.inputs]


def _readers(node: gs.Node) -> list[gs.Node]:
    return [reader for tensor in node.outputs for reader in tensor.outputs]


def _inherited(scope: str, *tags: Tag) -> Tag:
    is_low = any(tag.confidence is Confidence.LOW for tag in tags)
    return Tag(scope, Source.INHERITED, Confidence.LOW if is_low else Confidence.MEDIUM)

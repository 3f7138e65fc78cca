"""Make local functions of the modules of a model. Messages are moved, so nothing that they have is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

import onnx

from ..evidence.node_names import encoded_label, label_path
from ..graph.decode import as_text
from ..graph.edits import Edits
from ..graph.walk import all_nodes, attribute_graphs, graphs_within, nodes_within
from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable
from ..tags.scope import is_descendant
from ..tags.tag_format import Confidence, Tag
from ..tags.tag_store import Decision
from .block import Block
from .blocks import find_blocks
from .bodies import Body, copy_decisions, place_handed_in
from .graph_view import Decisions, GraphView, module_of
from .messages import Names, domain_of, keep_in_order
from .outlined_functions import DOMAIN
from .sharing import Equal, align, equal_bodies, unite

Path = Callable[[str], Sequence[str]]
"""The modules that are to become functions and hold a module, itself included, outermost first."""

_ORDER = list(Confidence)


class Outliner:
    """Makes functions of the modules of one model.

    `decisions` has the tag of every node, and gets those of new nodes. `call_numbers` has the number of the call of
    each node of the main graph, of modules whose calls are told apart. If `share` is True, modules that do the same but
    for their weights get one function. `left` maps modules that could not become functions to the reasons, and
    `dropped` counts the metadata entries that are not the same in all modules of a function.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        decisions: Decisions,
        modules: ModuleTable,
        path: Path,
        call_numbers: Mapping[str, Mapping[int, int]],
        *,
        share: bool,
    ) -> None:
        self.left: dict[str, str] = {}
        self.dropped = 0
        self._model = model
        self._decisions = decisions
        self._modules = modules
        self._path = path
        self._call_numbers = call_numbers
        self._share = share
        self._function_names = Names({as_text(made.name) for made in model.functions if made.domain == DOMAIN})
        self._node_names = Names({as_text(node.name) for node in all_nodes(model)})
        self._calls: IdentityMap[Block, onnx.NodeProto] = IdentityMap()
        self._versions = {domain_of(opset.domain): opset.version for opset in model.opset_import}
        self._weights = dict(_weights(model))
        self._created = self._moved = 0

    def run(self) -> Edits:
        """Make the functions, those of subgraphs first."""
        for graph, holder in reversed(list(_graphs(self._model.graph))):
            self._outline(graph, self._scope(holder))
        if self._created and all(opset.domain != DOMAIN for opset in self._model.opset_import):
            self._model.opset_import.add(domain=DOMAIN, version=1)
        return Edits(created=self._created, moved=self._moved)

    def _scope(self, holder: onnx.NodeProto | None) -> str:
        """Return the module around a subgraph; the root for the main graph."""
        return "" if holder is None else module_of(holder, self._decisions)

    def _outline(self, graph: onnx.GraphProto, around: str) -> None:
        view = GraphView.of(graph, self._decisions, self._versions.get("", 1))
        calls = (node for node in view.nodes if node.domain == DOMAIN)
        done = {self._decisions[node].tag.scope for node in calls}

        @cache
        def path(scope: str) -> list[str]:
            found: list[str] = []
            for module in self._path(scope):
                if module in done:
                    # What is left of an outlined module beside its call is not outlined again.
                    break
                if not is_descendant(around, module):
                    found.append(module)
            return found

        call_numbers: Mapping[str, Mapping[int, int]] = self._call_numbers if graph is self._model.graph else {}
        blocks = find_blocks(view, path, call_numbers, self._weights if self._share else None)
        self.left |= blocks.left
        if all(isinstance(item, int) for item in blocks.items):
            return
        types = Types(graph)
        for level in _by_height(blocks.items):
            bodies = [Body.of(block, around, view, self._source(view), self._decisions) for block, around in level]
            groups = equal_bodies(bodies, self._weights) if self._share else ([Equal(body, [], [])] for body in bodies)
            for group in groups:
                self._make_function(group, view, types)
            place_handed_in(bodies)
        items = [self._item(graph, item, view) for item in blocks.items]
        keep_in_order(graph.node, items)
        types.remove_taken()
        self._moved += len(view.nodes) - sum(isinstance(item, int) for item in blocks.items)

    def _source(self, view: GraphView) -> Callable[[int | Block], onnx.NodeProto]:
        return lambda item: view.nodes[item] if isinstance(item, int) else self._calls[item]

    def _item(self, graph: onnx.GraphProto, item: int | Block, view: GraphView) -> onnx.NodeProto:
        """Return a node of a graph, or a new call of the function of a block."""
        if isinstance(item, int):
            return view.nodes[item]
        call = graph.node.add()
        call.CopyFrom(self._calls[item])
        self._decisions[call] = self._decisions[self._calls[item]]
        return call

    def _make_function(self, group: Sequence[Equal], view: GraphView, types: Types) -> None:
        """Add the function of one body, or of several that are equal, and make the calls of it."""
        first = group[0].body
        if len(group) > 1:
            align(group)
        types_of = [list(types.take(body.inner_values())) for body, _, _ in group]
        kept = types_of[0]
        if len(group) > 1:
            kept, dropped = unite(group, types_of, self._weights, self._decisions)
            self.dropped += dropped
        function = self._model.functions.add(domain=DOMAIN, name=self._function_names.unique(self._name(first.block)))
        function.input.extend(first.formal_inputs or first.inputs)
        function.output.extend(first.formal_outputs or first.outputs)
        for node in first.nodes:
            added = function.node.add()
            added.CopyFrom(node)
            copy_decisions(node, added, self._decisions)
        function.value_info.extend(kept)
        function.opset_import.extend(self._imports(function))
        for body, _, _ in group:
            call = onnx.NodeProto(op_type=function.name, domain=DOMAIN, input=body.inputs, output=body.outputs)
            path = label_path(self._modules, body.block.scope)
            call.name = self._node_names.unique(path + encoded_label(function.name))
            self._decisions[call] = self._decision(body.block, view)
            self._calls[body.block] = call
            self._created += 1

    def _name(self, block: Block) -> str:
        """Return the name of a function: that of the module, or of its class if functions are shared."""
        if not self._share:
            return block.scope if block.call is None else f"{block.scope}_{block.call}"
        known = self._modules[block.scope].bare_class if block.scope in self._modules else None
        words = [word for word in block.scope.split(".") if not word.isdecimal()]
        return known or (words or [block.scope])[-1]

    def _decision(self, block: Block, view: GraphView) -> Decision:
        """Return the tag of a call: the module is as sure as the surest of its nodes."""
        tags = (self._decisions[view.nodes[index]].tag for index in block.members)
        surest = min(tags, key=lambda tag: _ORDER.index(tag.confidence))
        return Decision(Tag(block.scope, surest.source, surest.confidence), "its function is this module", "outline")

    def _imports(self, function: onnx.FunctionProto) -> Iterator[onnx.OperatorSetIdProto]:
        for domain in dict.fromkeys(domain_of(node.domain) for node in nodes_within(function)):
            # onnxruntime runs models that do not import its own domain, but not such functions.
            yield onnx.OperatorSetIdProto(domain=domain, version=self._versions.get(domain, 1))


class Types:
    """The types that a graph declares for its values."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._infos = graph.value_info
        self._left: dict[str, list[onnx.ValueInfoProto]] = {}
        for info in self._infos:
            self._left.setdefault(info.name, []).append(info)

    def take(self, names: Iterable[str]) -> Iterator[onnx.ValueInfoProto]:
        """Yield the types of some values, and take them away."""
        for name in names:
            yield from self._left.pop(name, ())

    def remove_taken(self) -> None:
        """Remove the types from the graph that were taken away."""
        keep_in_order(self._infos, [info for info in self._infos if info.name in self._left])


def _by_height(items: list[int | Block]) -> list[list[tuple[Block, list[int | Block]]]]:
    """Return all blocks with the items around them; first those without blocks inside, then those around these."""
    heights: list[list[tuple[Block, list[int | Block]]]] = []

    def add(items: list[int | Block]) -> int:
        height = 0
        for item in items:
            if isinstance(item, Block):
                inner = add(item.items)
                height = max(height, inner + 1)
                heights.extend([] for _ in range(inner + 1 - len(heights)))
                heights[inner].append((item, items))
        return height

    add(items)
    return heights


def _weights(model: onnx.ModelProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name, and the element type and shape, of each weight of the main graph and its subgraphs."""
    for graph in graphs_within(model.graph):
        if isinstance(graph, onnx.GraphProto):
            yield from ((as_text(tensor.name), (tensor.data_type, *tensor.dims)) for tensor in graph.initializer)


def _graphs(graph: onnx.GraphProto) -> Iterator[tuple[onnx.GraphProto, onnx.NodeProto | None]]:
    """Yield a graph and all graphs in it, each behind the one around it, with the node that holds it."""
    pending: list[tuple[onnx.GraphProto, onnx.NodeProto | None]] = [(graph, None)]
    while pending:
        current, holder = pending.pop()
        yield current, holder
        pending += [
            (inner, node) for node in current.node if node.attribute for inner in attribute_graphs(node.attribute)
        ]

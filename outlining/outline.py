"""Make local functions of the modules of a model. Messages are moved, so nothing that they have is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain

import onnx

from ..evidence.node_names import label_path
from ..graph.decode import as_text
from ..graph.graph_diff import Edits
from ..graph.walk import all_nodes, attribute_graphs, nodes_within
from ..tags.module_table import ModuleTable, is_descendant
from ..tags.tag_format import Confidence, Tag
from ..tags.tag_store import Decision
from .blocks import Block, find_blocks
from .graph_view import Decisions, GraphView, inner_nodes, module_of
from .messages import Names, domain_of, keep_in_order
from .outlined_functions import DOMAIN, move_in

Path = Callable[[str], Sequence[str]]
"""The modules that are to become functions and hold a module, itself included, outermost first."""

_ORDER = list(Confidence)


class Outliner:
    """Makes functions of the modules of one model.

    `decisions` has the tag of every node, and gets those of new nodes. `left` maps modules that could not become
    functions to the reasons.
    """

    def __init__(self, model: onnx.ModelProto, decisions: Decisions, modules: ModuleTable, path: Path) -> None:
        self.left: dict[str, str] = {}
        self._model = model
        self._decisions = decisions
        self._modules = modules
        self._path = path
        self._function_names = Names({as_text(made.name) for made in model.functions if made.domain == DOMAIN})
        self._node_names = Names({as_text(node.name) for node in all_nodes(model)})
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
        view = GraphView.of(graph, self._decisions)
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

        blocks = find_blocks(view, path)
        self.left |= blocks.left
        if all(isinstance(item, int) for item in blocks.items):
            return
        types = _Types(graph)
        items = [
            view.nodes[item] if isinstance(item, int) else self._add_call(graph, item, view, types)
            for item in blocks.items
        ]
        keep_in_order(graph.node, items)
        types.remove_taken()
        self._moved += len(view.nodes) - sum(isinstance(item, int) for item in blocks.items)

    def _add_call(
        self, holder: onnx.GraphProto | onnx.FunctionProto, block: Block, view: GraphView, types: _Types
    ) -> onnx.NodeProto:
        """Make the function of a block and return a call of it, the last node of `holder`."""
        name = block.scope if block.call is None else f"{block.scope}_{block.call}"
        function = self._model.functions.add(name=self._function_names.unique(name), domain=DOMAIN)
        inside = set(block.members)
        written = [name for index in block.members for name in view.writes(index)]
        own = set(written)
        function.input.extend(
            dict.fromkeys(name for index in block.members for name in view.reads[index] if name not in own)
        )
        outputs = [
            name
            for name in written
            if name in view.outputs or any(reader not in inside for reader in view.readers.get(name, ()))
        ]
        # ONNX has no nodes without outputs.
        function.output.extend(outputs or [name for name in written if name not in view.readers] or written[:1])
        for item in block.items:
            if isinstance(item, Block):
                node = self._add_call(function, item, view, types)
                self._enter(node, block.scope)
            else:
                node = function.node.add()
                node.CopyFrom(view.nodes[item])
                self._copy_decisions(view.nodes[item], node)
                for moved in chain([node], inner_nodes(node)):
                    self._enter(moved, block.scope)
        function.opset_import.extend(self._imports(function))
        function.value_info.extend(types.take(name for name in written if name not in function.output))
        call = holder.node.add(op_type=function.name, domain=DOMAIN, input=function.input, output=function.output)
        call.name = self._node_names.unique(label_path(self._modules, block.scope) + function.name)
        self._decisions[call] = self._decision(block, view)
        self._created += 1
        return call

    def _copy_decisions(self, node: onnx.NodeProto, copy: onnx.NodeProto) -> None:
        self._decisions[copy] = self._decisions[node]
        for inner, inner_copy in zip(inner_nodes(node), inner_nodes(copy), strict=True):
            self._decisions[inner_copy] = self._decisions[inner]

    def _enter(self, node: onnx.NodeProto, module: str) -> None:
        decision = self._decisions[node]
        self._decisions[node] = decision._replace(tag=move_in(node, decision.tag, module))

    def _decision(self, block: Block, view: GraphView) -> Decision:
        """Return the tag of a call: the module is as sure as the surest of its nodes."""
        tags = (self._decisions[view.nodes[index]].tag for index in block.members)
        surest = min(tags, key=lambda tag: _ORDER.index(tag.confidence))
        return Decision(Tag(block.scope, surest.source, surest.confidence), "its function is this module", "outline")

    def _imports(self, function: onnx.FunctionProto) -> Iterator[onnx.OperatorSetIdProto]:
        versions = {domain_of(opset.domain): opset.version for opset in self._model.opset_import}
        for domain in dict.fromkeys(domain_of(node.domain) for node in nodes_within(function)):
            # onnxruntime runs models that do not import its own domain, but not such functions.
            yield onnx.OperatorSetIdProto(domain=domain, version=versions.get(domain, 1))


class _Types:
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


def _graphs(graph: onnx.GraphProto) -> Iterator[tuple[onnx.GraphProto, onnx.NodeProto | None]]:
    """Yield a graph and all graphs in it, each behind the one around it, with the node that holds it."""
    pending: list[tuple[onnx.GraphProto, onnx.NodeProto | None]] = [(graph, None)]
    while pending:
        current, holder = pending.pop()
        yield current, holder
        pending += [
            (inner, node) for node in current.node if node.attribute for inner in attribute_graphs(node.attribute)
        ]

"""Replace calls of local functions by the nodes of the functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import onnx

from ..errors import HpassError, UsageError, quoted
from ..graph.decode import as_text
from ..graph.edits import Edits
from ..graph.walk import GraphLike, attribute_graphs, graphs_within, nodes_within
from .function_body import copy_body
from .graph_view import Decisions, inner_nodes
from .messages import Names, domain_of, keep_in_order
from .outlined_functions import DOMAIN, move_to_caller, tag_in_body

_Key = tuple[str, str, str]
Selects = Callable[[str], bool]
"""Whether the calls of functions in a module are inlined."""

# A few nested functions can stand for more nodes than any memory holds.
_MAX_NODES = 10_000_000


class Inliner:
    """Inlines the calls of functions in the selected modules of one model.

    `decisions` has the tag of every node, and gets those of new nodes. `left` maps functions that could not be inlined
    to the reasons.
    """

    def __init__(self, model: onnx.ModelProto, decisions: Decisions, selects: Selects) -> None:
        self.left: dict[str, str] = {}
        self._model = model
        self._decisions = decisions
        self._selects = selects
        self._functions = {key_of(function): function for function in model.functions}
        self._originals: dict[int, int] = {}
        self._created = self._removed = 0

    def run(self) -> Edits:
        """Inline the calls in the main graph and its subgraphs, and in functions that are still called."""
        before = self._reachable()
        for key, selected in self._selected_in_bodies().items():
            self._inline(self._functions[key], lambda call, among=selected: self._original(call) in among)
        self._inline(self._model.graph, lambda call: self._selects(self._decisions[call].tag.scope))
        self._remove_unused(before)
        return Edits(created=self._created, removed=self._removed)

    def _original(self, node: onnx.NodeProto) -> int:
        """Return what identifies the node that a node is a copy of, or the node itself."""
        return self._originals.get(id(node), id(node))

    def _inline(self, holder: GraphLike, selected: Callable[[onnx.NodeProto], bool]) -> None:
        """Inline the selected calls of a graph or function and of its subgraphs, and calls in what comes in."""
        values, names = Names(set(_values(holder))), Names({as_text(node.name) for node in nodes_within(holder)})
        pending = [holder]
        while pending:
            current = pending.pop()
            before = self._removed
            nodes = self._inlined_nodes(current, holder, values, names, selected)
            if self._removed != before:
                keep_in_order(current.node, nodes)
            pending += [graph for node in nodes if node.attribute for graph in attribute_graphs(node.attribute)]

    def _inlined_nodes(
        self,
        holder: GraphLike,
        outermost: GraphLike,
        values: Names,
        names: Names,
        selected: Callable[[onnx.NodeProto], bool],
    ) -> list[onnx.NodeProto]:
        nodes: list[onnx.NodeProto] = []
        known: set[str] | None = None
        pending: list[tuple[onnx.NodeProto, tuple[_Key, ...]]] = [(node, ()) for node in reversed(holder.node)]
        while pending:
            node, around = pending.pop()
            key = call_key(node)
            function = self._functions.get(key)
            if function is None or key in around or not selected(node) or not self._fits(function, outermost):
                nodes.append(node)
                continue
            body, types = copy_body(function, node, values, names)
            copies = [self._add(holder, copy, original, node) for copy, original in body]
            pending += [(copy, (*around, key)) for copy in reversed(copies)]
            if known is None:
                known = _typed(holder)
            for info in types:
                if info.name not in known:
                    known.add(info.name)
                    holder.value_info.append(info)
            self._created += len(copies)
            self._removed += 1
            if self._created > _MAX_NODES:
                raise HpassError(f"its functions stand for more than {_MAX_NODES:,} nodes")
        return nodes

    def _add(
        self, holder: GraphLike, copy: onnx.NodeProto, original: onnx.NodeProto | None, call: onnx.NodeProto
    ) -> onnx.NodeProto:
        """Add a copy of a node of a function, with the tag that it has at this call."""
        node = holder.node.add()
        node.CopyFrom(copy)
        if original is None:
            self._decisions[node] = self._decisions[call]
            return node
        for new, old in zip(chain([node], inner_nodes(node)), chain([original], inner_nodes(original)), strict=True):
            known = self._decisions[old]
            self._decisions[new] = known._replace(tag=move_to_caller(new, known.tag, call, self._decisions[call].tag))
            self._originals[id(new)] = self._original(old)
        return node

    def _fits(self, function: onnx.FunctionProto, holder: GraphLike) -> bool:
        """Whether a function uses the versions of operators that its caller uses; import what only it uses."""
        imports = self._model.opset_import if isinstance(holder, onnx.GraphProto) else holder.opset_import
        versions = {domain_of(opset.domain): opset.version for opset in imports}
        used = {domain_of(node.domain) for node in nodes_within(function)}
        needed = {domain_of(opset.domain): opset.version for opset in function.opset_import}
        for domain in sorted(used & needed.keys()):
            if versions.setdefault(domain, needed[domain]) != needed[domain]:
                of = f"domain '{domain}'" if domain else "the standard operators"
                self.left[as_text(function.name)] = (
                    f"it uses version {needed[domain]} of {of}, its caller version {versions[domain]}"
                )
                return False
        if function.domain != DOMAIN:
            known = {domain_of(opset.domain) for opset in imports}
            for domain in sorted(used & needed.keys() - known):
                imports.add(domain=domain, version=needed[domain])
        return True

    def _selected_in_bodies(self) -> dict[_Key, set[int]]:
        """Return the calls to inline in the bodies of functions that stay, by the functions.

        Raises UsageError if a call is to be inlined for some callers of its function only.
        """
        answers: defaultdict[_Key, dict[int, bool]] = defaultdict(dict)
        pending: list[tuple[_Key | None, onnx.NodeProto, str]] = [
            (None, node, self._decisions[node].tag.scope) for node in nodes_within(self._model.graph)
        ]
        seen: set[tuple[_Key | None, _Key, str]] = set()
        while pending:
            # A call in the main graph, or in the body of `stays`, perhaps by way of functions that are inlined there.
            stays, call, scope = pending.pop()
            key = call_key(call)
            if key not in self._functions:
                continue
            answer = self._selects(scope)
            if stays is not None and answers[stays].setdefault(id(call), answer) != answer:
                raise UsageError(
                    f"option inline.modules: takes only some calls of function {quoted(key[1])}; "
                    "take all of them, or inline the modules that call it as well"
                )
            following = stays if answer else key
            if (following, key, scope) not in seen:
                seen.add((following, key, scope))
                for node in nodes_within(self._functions[key]):
                    tag = tag_in_body(node, self._decisions[node].tag, scope)
                    pending.append((following, node, tag.scope))
        return {key: {call for call, answer in found.items() if answer} for key, found in answers.items()}

    def _reachable(self) -> set[_Key]:
        """Return the functions that the main graph calls, directly or not."""
        found: set[_Key] = set()
        pending: list[GraphLike] = [self._model.graph]
        while pending:
            for node in nodes_within(pending.pop()):
                key = call_key(node)
                if key in self._functions and key not in found:
                    found.add(key)
                    pending.append(self._functions[key])
        return found

    def _remove_unused(self, before: set[_Key]) -> None:
        """Remove the functions that were called and are not any more, and the domain of outlined ones."""
        unused = before - self._reachable()
        keep_in_order(
            self._model.functions, [function for function in self._model.functions if key_of(function) not in unused]
        )
        if unused and all(function.domain != DOMAIN for function in self._model.functions):
            imports = self._model.opset_import
            keep_in_order(imports, [opset for opset in imports if opset.domain != DOMAIN])


def key_of(function: onnx.FunctionProto) -> _Key:
    """Return the domain, name and overload of a function."""
    return domain_of(function.domain), as_text(function.name), as_text(function.overload)


def call_key(node: onnx.NodeProto) -> _Key:
    """Return the domain, name and overload of the function that a node calls, if it calls any."""
    return domain_of(node.domain), as_text(node.op_type), as_text(node.overload)


def _values(holder: GraphLike) -> Iterator[str]:
    """Yield the names of all values of a graph or function and of its subgraphs."""
    for current in graphs_within(holder):
        if isinstance(current, onnx.GraphProto):
            named = chain(current.input, current.output, current.initializer)
            yield from (as_text(value.name) for value in named)
            yield from (as_text(sparse.values.name) for sparse in current.sparse_initializer)
        else:
            yield from map(as_text, chain(current.input, current.output))
        for node in current.node:
            yield from map(as_text, chain(node.input, node.output))


def _typed(holder: GraphLike) -> set[str]:
    """Return the names of the values whose types a graph or function declares or that are weights."""
    named: Iterable[onnx.ValueInfoProto | onnx.TensorProto] = holder.value_info
    if isinstance(holder, onnx.GraphProto):
        named = chain(named, holder.input, holder.output, holder.initializer)
    return {value.name for value in named}

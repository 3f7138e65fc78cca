"""The nodes of a model as they run: the nodes of a function body once for each call of the function."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple

from ..errors import HpassError
from ..graph.node_source import FunctionKey, NodeSource, NodeT
from ..identity_map import IdentityMap
from ..tags.tag_format import Tag
from ..tags.within import tag_at_call

TagOf = Callable[[NodeT], Tag | None]
"""A function that returns the tag of a node; None if it has none."""

# A few nested functions can stand for more nodes than any memory holds.
_MAX_INSTANCES = 1_000_000


class NodeInstance(NamedTuple, Generic[NodeT]):
    """A node as it runs.

    `scope` is the module that it runs in, and `call` the number of the module's call, from 0; None if the calls are not
    told apart. `calls` are the nodes that call the functions around it, outermost first; none in the main graph. `tag`
    is the tag that the node has at these calls; None if it has none.
    """

    scope: str
    call: int | None
    node: NodeT
    calls: tuple[NodeT, ...] = ()
    tag: Tag | None = None


class _Frame(NamedTuple, Generic[NodeT]):
    nodes: Iterator[NodeT]
    scope: str
    calls: tuple[NodeT, ...]
    functions: tuple[FunctionKey, ...]


def node_instances(
    model: NodeSource[NodeT], tag_of: TagOf[NodeT], *, with_calls: bool = True
) -> Iterator[NodeInstance[NodeT]]:
    """Yield each node of the main graph and its subgraphs; after a call, the nodes of the function that it calls.

    If `with_calls` is False, the calls themselves are left out, because the nodes of the functions run in their place:
    what is yielded is what would be in the model if all functions were inlined. Nodes of functions that nothing calls
    do not run and are not yielded. Raises HpassError if the calls stand for more than a million nodes.
    """
    bodies = _bodies(model)
    stack: list[_Frame[NodeT]] = [_Frame(model.main_nodes(), "", (), ())]
    count = 0
    while stack:
        frame = stack[-1]
        node = next(frame.nodes, None)
        if node is None:
            stack.pop()
            continue
        count += bool(frame.calls)
        if count > _MAX_INSTANCES:
            raise HpassError(f"{model.name}: its functions stand for more than {_MAX_INSTANCES:,} nodes")
        instance = _instance(model, node, tag_of, frame)
        key = model.call_key(node)
        # A function that calls itself is invalid.
        is_call = key in bodies and key not in frame.functions
        if with_calls or not is_call:
            yield instance
        if is_call:
            stack.append(_Frame(iter(bodies[key]), instance.scope, (*frame.calls, node), (*frame.functions, key)))


class _Counted(NamedTuple, Generic[NodeT]):
    nodes: Iterator[NodeT]
    scope: str
    functions: tuple[FunctionKey, ...]
    counts: Counter[str]


def scope_counts(model: NodeSource[NodeT], tag_of: TagOf[NodeT]) -> Counter[str]:
    """Return how many tagged nodes run in each module; a call counts as the nodes of the function that it calls.

    A function is counted once for each module that it is called in, so the time is that of the file.
    """
    bodies = _bodies(model)
    if not bodies:
        return Counter(tag.scope for tag in map(tag_of, model.nodes()) if tag is not None)
    counted: dict[tuple[FunctionKey, str], Counter[str]] = {}
    stack: list[_Counted[NodeT]] = [_Counted(model.main_nodes(), "", (), Counter())]
    while True:
        frame = stack[-1]
        node = next(frame.nodes, None)
        if node is None:
            stack.pop()
            if not stack:
                return frame.counts
            counted[frame.functions[-1], frame.scope] = frame.counts
            stack[-1].counts.update(frame.counts)
            continue
        tag = tag_of(node)
        if tag is not None and frame.functions:
            tag = tag_at_call(tag, dict(model.stored_entries(node)), frame.scope)
        key, scope = model.call_key(node), "" if tag is None else tag.scope
        if key not in bodies or key in frame.functions:
            if tag is not None:
                frame.counts[scope] += 1
        elif (key, scope) in counted:
            frame.counts.update(counted[key, scope])
        else:
            stack.append(_Counted(iter(bodies[key]), scope, (*frame.functions, key), Counter()))


def scopes_by_node(
    model: NodeSource[NodeT], tag_of: TagOf[NodeT], *, with_calls: bool = True
) -> IdentityMap[NodeT, list[str]]:
    """Return the modules of each tagged node: several if it is in a function that is called several times."""
    scopes: IdentityMap[NodeT, list[str]] = IdentityMap()
    for instance in node_instances(model, tag_of, with_calls=with_calls):
        if instance.tag is not None:
            found = scopes.get(instance.node)
            if found is None:
                scopes[instance.node] = [instance.scope]
            else:
                found.append(instance.scope)
    return scopes


def _bodies(model: NodeSource[NodeT]) -> dict[FunctionKey, list[NodeT]]:
    bodies: defaultdict[FunctionKey, list[NodeT]] = defaultdict(list)
    for key, nodes in model.function_regions():
        bodies[key] += nodes
    return bodies


def _instance(model: NodeSource[NodeT], node: NodeT, tag_of: TagOf[NodeT], frame: _Frame[NodeT]) -> NodeInstance[NodeT]:
    notes = dict(model.stored_entries(node))
    tag = tag_of(node)
    if tag is not None and frame.calls:
        tag = tag_at_call(tag, notes, frame.scope)
    scope, call = ("", None) if tag is None else (tag.scope, tag.call)
    return NodeInstance(scope, call, node, frame.calls, tag)

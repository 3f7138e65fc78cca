"""The nodes of a model as they run: the nodes of a function body once for each call of the function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..errors import HpassError
from ..graph.model import FunctionKey, Model
from ..graph.regions import Region
from ..tags.tag_format import CALL, WITHIN, Tag

TagOf = Callable[[gs.Node], Tag | None]
"""A function that returns the tag of a node; None if it has none."""

# A few nested functions can stand for more nodes than any memory holds.
_MAX_INSTANCES = 10_000_000


class NodeInstance(NamedTuple):
    """A node as it runs.

    `scope` is the module that it runs in, and `call` the number of the module's call, from 0; None if the calls are not
    told apart. `calls` are the nodes that call the functions around it, outermost first; none in the main graph.
    """

    scope: str
    call: int | None
    node: gs.Node
    calls: tuple[gs.Node, ...] = ()


class _Frame(NamedTuple):
    nodes: Iterator[gs.Node]
    scope: str
    calls: tuple[gs.Node, ...]
    functions: tuple[FunctionKey, ...]


def node_instances(model: Model, tag_of: TagOf) -> Iterator[NodeInstance]:
    """Yield each node of the main graph and its subgraphs; after a call, the nodes of the function that it calls.

    Nodes of functions that nothing calls do not run and are not yielded. Raises HpassError for more than 10 million
    instances.
    """
    bodies = _bodies(model)
    main = (node for region in model.regions() if region.function is None for node in region.graph.nodes)
    stack = [_Frame(main, "", (), ())]
    count = 0
    while stack:
        frame = stack[-1]
        node = next(frame.nodes, None)
        if node is None:
            stack.pop()
            continue
        count += 1
        if count > _MAX_INSTANCES:
            raise HpassError(f"{model.name}: its functions stand for more than {_MAX_INSTANCES:,} nodes")
        scope, call = _scope_and_call(model, node, tag_of, frame)
        yield NodeInstance(scope, call, node, frame.calls)
        key = model.call_key(node)
        # A function that calls itself is invalid.
        if key in bodies and key not in frame.functions:
            nodes = (inner for region in bodies[key] for inner in region.graph.nodes)
            stack.append(_Frame(nodes, scope, (*frame.calls, node), (*frame.functions, key)))


def _bodies(model: Model) -> dict[FunctionKey, list[Region]]:
    found: defaultdict[FunctionKey, list[Region]] = defaultdict(list)
    for region in model.regions():
        function = region.function
        if function is not None:
            found[model.function_key(function)].append(region)
    return dict(found)


def _scope_and_call(model: Model, node: gs.Node, tag_of: TagOf, frame: _Frame) -> tuple[str, int | None]:
    entries = dict(model.stored_entries(node))
    number = entries.get(CALL, "")
    call = int(number) if number.isascii() and number.isdecimal() else None
    within = entries.get(WITHIN)
    if within is not None and frame.calls:
        # The module is relative to that of the call.
        return ".".join(filter(None, (frame.scope, within))), call
    tag = tag_of(node)
    return "" if tag is None else tag.scope, call

"""The nodes that patterns select."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic

from ..errors import HpassError, UsageError
from ..graph.node_source import NodeSource, NodeT
from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable
from .modules import all_modules, select_modules
from .node_instances import NodeInstance, TagOf, node_instances
from .pattern import Pattern


@dataclass(frozen=True)
class Selection(Generic[NodeT]):
    """Modules of a model in natural order, and the nodes that run in them, in the order in which they run.

    `outside` are the modules of all other nodes. `divided` are the nodes of function bodies that run in the selected
    modules at some calls and in other modules at other calls.
    """

    model: NodeSource[NodeT]
    modules: tuple[str, ...]
    instances: tuple[NodeInstance[NodeT], ...]
    outside: frozenset[str] = frozenset()
    divided: tuple[NodeT, ...] = ()

    @property
    def nodes(self) -> list[NodeT]:
        """The selected nodes, each once.

        Raises UsageError if a node of a function body is selected at some calls of the function only.
        """
        if self.divided:
            raise UsageError(
                f"{self.model.name}: the selection takes only some calls of a function "
                f"(node '{self.divided[0].name}'); `hpass run --passes all,inline` gives each call its own nodes"
            )
        found: IdentityMap[NodeT, None] = IdentityMap()
        for instance in self.instances:
            found[instance.node] = None
        return list(found)

    @property
    def names(self) -> list[str]:
        """The names of the selected nodes.

        Raises HpassError if a name is missing, or if a node outside the selection has it as well.
        """
        selected = self.nodes
        names = {node.name for node in selected}
        inside: IdentityMap[NodeT, None] = IdentityMap()
        for node in selected:
            inside[node] = None
        rename = "`hpass run --passes all,rename` gives every node a name of its own"
        if "" in names:
            count = sum(not node.name for node in selected)
            raise HpassError(f"{self.model.name}: {count} of {len(selected)} selected nodes have no name; {rename}")
        for node in self.model.nodes():
            if node.name in names and node not in inside:
                raise HpassError(
                    f"{self.model.name}: a node outside the selection is also named '{node.name}'; {rename}"
                )
        return list(dict.fromkeys(node.name for node in selected))


def select_nodes(
    model: NodeSource[NodeT], tag_of: TagOf[NodeT], table: ModuleTable, patterns: Sequence[Pattern]
) -> Selection[NodeT]:
    """Return the nodes that run in the modules of the patterns.

    Raises UsageError if a pattern matches no module, or if no node runs in the selected modules.
    """
    instances = list(node_instances(model, tag_of))
    scopes = {instance.scope for instance in instances}
    modules = select_modules(patterns, all_modules(table, scopes), table)
    wanted = set(modules)
    selected = tuple(instance for instance in instances if instance.scope in wanted)
    if not selected:
        names = ", ".join(repr(scope) for scope in modules[:3]) + (", ..." if len(modules) > 3 else "")  # noqa: PLR2004
        what = f"no node runs in the selected modules ({names})" if modules else "the patterns take away all they add"
        raise UsageError(f"{model.name}: {what}")
    return Selection(model, tuple(modules), selected, frozenset(scopes - wanted), tuple(_divided(instances, wanted)))


def _divided(instances: Iterable[NodeInstance[NodeT]], wanted: set[str]) -> list[NodeT]:
    counts: IdentityMap[NodeT, list[int]] = IdentityMap()
    for instance in instances:
        if instance.calls:
            count = counts.get(instance.node) or [0, 0]
            count[instance.scope in wanted] += 1
            counts[instance.node] = count
    return [node for node, (outside, inside) in counts.items() if outside and inside]

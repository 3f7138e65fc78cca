"""The module tree of a cost, without the modules that take little of it."""

from __future__ import annotations

from ..costs.cost import Amounts, Cost
from ..costs.sizes import magnitude
from ..tags.scope import natural_sort_key, parent, relative
from .module_tree import Branch


def cost_tree(cost: Cost, min_share: float) -> Branch:
    """Return the tree of the modules with at least a share of the operations; `own` and `total` count nodes.

    Containers that never run themselves are not levels of the tree.
    """
    least = min_share * _operations(cost.total)
    branches: dict[str, Branch] = {}
    for scope in sorted(cost.modules, key=natural_sort_key):
        module = cost.modules[scope]
        is_container = not module.own.nodes and scope not in cost.class_names
        if scope and (is_container or _operations(module.all) < least):
            continue
        outer = parent(scope)
        while outer not in branches and outer:
            outer = parent(outer)
        own, total = (sum(amounts.nodes.values()) for amounts in (module.own, module.all))
        branch = Branch(scope, relative(scope, outer), cost.class_names.get(scope), "", own, total)
        branches[scope] = branch
        if scope:
            branches[outer].children.append(branch)
    return branches[""]


def _operations(amounts: Amounts) -> float:
    return magnitude(2 * amounts.macs + amounts.flops)

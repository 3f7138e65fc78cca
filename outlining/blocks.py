"""Which nodes of a graph become functions: the blocks, one for each call of a module, and the order of calls.

A block must be convex: if what it computes left it and came back, the call would depend on its own result. Blocks must
not depend on each other in a circle either. So modules are looked at from the root down, and one that does not fit is
left alone, while the modules inside it are looked at in its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count, pairwise

from ..analysis.components import strongly_connected
from ..graph.operators import AUXILIARY_OPERATORS
from ..tags.scope import relative
from .block import Block
from .graph_view import GraphView
from .shared_preparation import take_out_shared

# Modules whose nodes lie scattered over the graph cost a walk each; all walks together stay linear in nodes.
_BUDGET = 20
# Circles of more rounds than this are cut by leaving all their modules alone. Real models take one or two rounds.
_MAX_ROUNDS = 10


@dataclass(slots=True, eq=False)
class Blocks:
    """The blocks of a graph.

    `items` are the nodes and blocks of the graph in the order in which they run, and `left` maps the modules that are
    left alone to the reasons.
    """

    items: list[int | Block]
    left: dict[str, str]


def find_blocks(
    view: GraphView,
    path: Callable[[str], Sequence[str]],
    call_numbers: Mapping[str, Mapping[int, int]],
    weights: Mapping[str, Sequence[int]] | None = None,
) -> Blocks:
    """Return the blocks of a graph.

    `path` returns the modules that are to become functions and hold a module, itself included, outermost first.
    `call_numbers` has the number of the call of each node of a module whose calls are told apart. With `weights` (their
    element types and sizes by name), what a block prepares for blocks of its kind is left outside.
    """
    found = Blocks([], {})
    paths = [list(_calls_of(index, path(scope), call_numbers)) for index, scope in enumerate(view.scopes)]
    levels = [0] * len(paths)

    def arrange(members: Sequence[int]) -> list[int | Block]:
        """Return some nodes in the order in which they run, those of each module at their levels as a block."""
        partition = _Partition(view, paths, levels, members, found.left)
        blocks = partition.convex_blocks()
        if weights is not None:
            take_out_shared(view, blocks, weights)
        for block in blocks:
            for index in block.members:
                levels[index] += 1
            block.items = arrange(block.members)
        return partition.in_order(blocks)

    found.items = arrange(range(len(view.nodes)))
    return found


_Call = tuple[str, int | None]
"""A module that is to become a function, and the number of its call if its calls are told apart."""


def _calls_of(index: int, modules: Iterable[str], call_numbers: Mapping[str, Mapping[int, int]]) -> Iterator[_Call]:
    """Yield the modules that hold a node, each with its call. A node that several calls share is outside of it."""
    for module in modules:
        if module not in call_numbers:
            yield module, None
        elif index in call_numbers[module]:
            yield module, call_numbers[module][index]


class _Partition:
    """A division of nodes into modules and single nodes.

    `levels` has the position in its path of the module that each node is in.
    """

    def __init__(
        self,
        view: GraphView,
        paths: Sequence[Sequence[_Call]],
        levels: list[int],
        members: Sequence[int],
        left: dict[str, str],
    ) -> None:
        self.view = view
        self.paths = paths
        self.members = members
        self.left = left
        self.levels = levels
        self.runs: dict[int, int] = {}
        self.budget = _BUDGET * len(members)

    def convex_blocks(self) -> list[Block]:
        """Return blocks that do not depend on each other in a circle."""
        self._leave_obstacles()
        for rounds in count():
            groups = self._groups()
            if not groups:
                return []
            circles = [
                [groups[number] for number in component if number < len(groups)]
                for component in strongly_connected(self._edges(groups))
                if len(component) > 1
            ]
            for circle in circles:
                self._resolve(circle, leave_all=rounds > _MAX_ROUNDS)
            if not circles:
                break
        return [Block(*self._call(group[0]), group) for group in self._groups()]

    def in_order(self, blocks: Sequence[Block]) -> list[int | Block]:
        """Return blocks and single nodes so that each stands behind those that it reads from.

        Otherwise they are in the order in which they end: a block may have constants from the beginning of the file.
        """
        if not blocks:
            return list(self.members)
        block_of = {index: block for block in blocks for index in block.members}
        items: list[int | Block] = []
        number_of: dict[int, int] = {}
        for index in self.members:
            block = block_of.get(index)
            if block is None or index == block.members[-1]:
                number_of.update(dict.fromkeys([index] if block is None else block.members, len(items)))
                items.append(index if block is None else block)
        feeds = self._feeds(number_of, len(items))
        waits = [0] * len(items)
        for targets in feeds:
            for target in targets:
                waits[target] += 1
        ready = [number for number, waiting in enumerate(waits) if not waiting]
        heapify(ready)
        order: list[int | Block] = []
        while ready:
            number = heappop(ready)
            order.append(items[number])
            for target in feeds[number]:
                waits[target] -= 1
                if not waits[target]:
                    heappush(ready, target)
        return order

    def _call(self, index: int) -> _Call:
        scope, number = self.paths[index][self.levels[index]]
        return scope, self.runs.get(index, number)

    def _scope(self, index: int) -> str:
        return self._call(index)[0]

    def _groups(self) -> list[list[int]]:
        """Return the nodes of each module, or of each of its calls, in order."""
        groups: defaultdict[_Call, list[int]] = defaultdict(list)
        for index in self.members:
            if self.levels[index] < len(self.paths[index]):
                groups[self._call(index)].append(index)
        return list(groups.values())

    def _edges(self, groups: Sequence[Sequence[int]]) -> list[set[int]]:
        number_of = {index: number for number, group in enumerate(groups) for index in group}
        single = (index for index in self.members if index not in number_of)
        number_of |= {index: number for number, index in enumerate(list(single), len(groups))}
        return self._feeds(number_of, len(groups) + len(self.members) - sum(map(len, groups)))

    def _feeds(self, number_of: dict[int, int], items: int) -> list[set[int]]:
        """Return for each item the items that read from it."""
        feeds: list[set[int]] = [set() for _ in range(items)]
        for index in self.members:
            number = number_of[index]
            for source in self.view.sources(index):
                other = number_of.get(source, number)
                if other != number:
                    feeds[other].add(number)
        return feeds

    def _leave_obstacles(self) -> None:
        """Leave the modules alone with a node that cannot be in a function."""
        for index in self.members:
            reason = self.view.obstacles[index]
            if reason is not None:
                self.left.update((scope, reason) for scope, _ in self.paths[index][self.levels[index] :])
        for index in self.members:
            path = self.paths[index]
            while self.levels[index] < len(path) and self._scope(index) in self.left:
                self.levels[index] += 1

    def _resolve(self, circle: Sequence[list[int]], *, leave_all: bool) -> None:
        """Cut a circle of modules: tell calls apart, or leave modules alone."""
        bent = list(circle) if leave_all else [group for group in circle if self._comes_back(group)]
        if not bent:
            # Each alone is convex, so it is enough if the smaller ones are left alone.
            bent = sorted(circle, key=len)[:-1] or list(circle)
        for group in bent:
            runs = [] if leave_all or self._call(group[0])[1] is not None else self._equal_runs(group)
            if runs:
                for number, run in enumerate(runs):
                    self.runs.update(dict.fromkeys(run, number))
            else:
                self.left[self._scope(group[0])] = "it is not convex: what it computes leaves it and comes back"
                for index in group:
                    self.levels[index] += 1
                    self.runs.pop(index, None)

    def _comes_back(self, group: Sequence[int]) -> bool:
        """Whether a path leads from one of these nodes over a node outside to another of them."""
        self.budget -= group[-1] - group[0]
        if self.budget < 0:
            return True
        inside = set(group)
        outside: set[int] = set()
        for index in range(group[0], group[-1] + 1):
            sources = list(self.view.sources(index))
            if index in inside:
                if any(source in outside for source in sources):
                    return True
            elif any(source in inside or source in outside for source in sources):
                outside.add(index)
        return False

    def _equal_runs(self, group: Sequence[int]) -> list[list[int]]:
        """Return the calls of a module, if these are the intervals between which others compute; else nothing."""
        self.budget -= group[-1] - group[0]
        if self.budget < 0:
            return []
        runs: list[list[int]] = [[group[0]]]
        for before, index in pairwise(group):
            if all(self._prepares(between) for between in range(before + 1, index)):
                runs[-1].append(index)
            else:
                runs.append([index])
        scope = self._scope(group[0])
        kinds = {tuple(self._signatures(run, scope)) for run in runs}
        return runs if len(runs) > 1 and len(kinds) == 1 else []

    def _signatures(self, run: Iterable[int], scope: str) -> Iterator[tuple[str, str]]:
        for index in run:
            yield self.view.nodes[index].op_type, relative(self.view.scopes[index], scope)

    def _prepares(self, index: int) -> bool:
        return self.view.nodes[index].op_type in AUXILIARY_OPERATORS

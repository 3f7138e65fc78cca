"""Strongly connected components of a graph of groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def strongly_connected(successors: Sequence[Collection[int]]) -> list[list[int]]:
    """Return the strongly connected components of a graph (Tarjan's algorithm). `successors` is by vertex."""
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(successors)):
        if root in order:
            continue
        pending = [(root, iter(successors[root]))]
        while pending:
            vertex, rest = pending[-1]
            if vertex not in order:
                order[vertex] = lowest[vertex] = len(order)
                stack.append(vertex)
                on_stack.add(vertex)
            following = next(rest, None)
            if following is None:
                pending.pop()
                if pending:
                    above = pending[-1][0]
                    lowest[above] = min(lowest[above], lowest[vertex])
                if lowest[vertex] == order[vertex]:
                    cut = stack.index(vertex)
                    found.append(sorted(stack[cut:]))
                    on_stack.difference_update(stack[cut:])
                    del stack[cut:]
            elif following not in order:
                pending.append((following, iter(successors[following])))
            elif following in on_stack:
                lowest[vertex] = min(lowest[vertex], order[following])
    return found

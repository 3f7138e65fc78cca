"""Strongly connected components of a graph of groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

Edges = Sequence[Collection[int]]
"""For each vertex the vertices that its edges lead to."""


def strongly_connected(edges: Edges) -> list[list[int]]:
    """Return the strongly connected components of a graph, each in order (Kosaraju's algorithm)."""
    backwards: list[list[int]] = [[] for _ in edges]
    for vertex, targets in enumerate(edges):
        for target in targets:
            backwards[target].append(vertex)
    finished = [vertex for tree in _trees(edges, range(len(edges))) for vertex in tree]
    return [sorted(tree) for tree in _trees(backwards, reversed(finished))]


def _trees(edges: Edges, roots: Iterable[int]) -> list[list[int]]:
    """Return the trees of a depth-first search that starts at each root in turn, in the order of leaving a vertex."""
    seen: set[int] = set()
    found: list[list[int]] = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        tree: list[int] = []
        path = [(root, iter(edges[root]))]
        while path:
            vertex, targets = path[-1]
            following = next((target for target in targets if target not in seen), None)
            if following is None:
                tree.append(vertex)
                path.pop()
            else:
                seen.add(following)
                path.append((following, iter(edges[following])))
        found.append(tree)
    return found

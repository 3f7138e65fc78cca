"""The course that calls take through a gap: which module is open at each unknown node, all nodes considered at once.

Module calls are nested, contiguous intervals. From the known module before a gap to the one behind it calls climb and
descend along a fixed sequence of modules (the stations), so each node stands at the station of the node before it
or at a later one. How likely each station is for each node, given what is thought of every node alone, is worked out by
the forward-backward algorithm (Rabiner 1989). To leave a station costs a toll that depends on what is seen of the
boundary between two nodes: a constant stays with its reader, and where few values are alive a module may well end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .candidates import Calls
from .flow import Flow, Role
from .lookup import Column, Lookup
from .tree import Ids, ScopeTree

# More values than this above the least of a gap are many.
_MOST_VALUES = 4
# What a node's own evidence did not consider at all.
_FLOOR = -7.0
# Longer gaps and courses of more stations say too little to be worth the time.
_MOST_NODES, _MOST_STATIONS, _MOST_DETOURS = 4096, 64, 12
# So many pairs of node and station are worked out at once.
_CELLS = 1_000_000


class Gap(NamedTuple):
    """A run of unknown nodes, from `first` to before `last`, and the stations on the way through it."""

    first: int
    last: int
    stations: tuple[int, ...]


def gaps_of(known: Ids, around: int, tree: ScopeTree, calls: Calls, suggested: Ids) -> list[Gap]:
    """Return the gaps between known nodes (`known` holds their modules, UNKNOWN elsewhere)."""
    unknown = known < 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], unknown, [False])).astype(np.int8)))
    padded = np.append(known, around)
    ways: dict[tuple[int, int], tuple[int, ...]] = {}
    found: list[Gap] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        ends = int(padded[first - 1]), int(padded[last])
        if ends not in ways:
            ways[ends] = _way_by_calls(tree, calls, *ends)
        stations = _with_detours(ways[ends], suggested[first:last], tree)
        if last - first <= _MOST_NODES and len(stations) <= _MOST_STATIONS:
            found.append(Gap(first, last, stations))
    return found


def _way_by_calls(tree: ScopeTree, calls: Calls, before: int, after: int) -> tuple[int, ...]:
    """Return the modules passed between two known ones, those included that the table calls in between."""
    stops = [before, *calls.called_between(before, after), after]
    way = [before]
    for stop in stops[1:]:
        way.extend(tree.way(way[-1], stop)[0][1:])
    return tuple(way)


def _with_detours(way: tuple[int, ...], suggested: Ids, tree: ScopeTree) -> tuple[int, ...]:
    """Return the stations with a detour to each module that twins suggest."""
    wanted = [int(scope) for scope in dict.fromkeys(suggested.tolist()) if scope >= 0 and scope not in way]
    if not wanted or len(wanted) > _MOST_DETOURS:
        return way
    stations = list(way)
    for scope in wanted:
        climb = tree.path(scope)
        held = next((index for index, above in enumerate(climb) if above in stations), None)
        if held is None:
            continue
        at = len(stations) - 1 - stations[::-1].index(climb[held])
        # Of two visits to a module the later one makes the detour; nothing tells them apart.
        stations[at + 1 : at + 1] = [*reversed(climb[:held]), *climb[1 : held + 1]]
    return tuple(stations)


def alive(flow: Flow) -> Ids:
    """Return how many values, constants left out, are written up to each node and read behind it."""
    count = len(flow)
    keep = flow.role[flow.sources] != Role.CONSTANT
    last = np.full(count, -1, np.int64)
    np.maximum.at(last, flow.sources[keep], flow.targets[keep])
    written = np.flatnonzero(last > np.arange(count))
    change = np.zeros(count + 1, np.int64)
    np.add.at(change, written, 1)
    np.add.at(change, last[written], -1)
    return np.cumsum(change)[:count]


class Tolls(NamedTuple):
    """What it costs (a negative logarithm) to leave a station, up or down, at the boundary before each node."""

    climbing: Column
    descending: Column


def boundaries(flow: Flow, gaps: Sequence[Gap]) -> Column:
    """Return what is seen of the boundary before each node, and behind the last: rows of numbers from 0 to 1."""
    count = len(flow)
    values = np.append(0, alive(flow))
    least = values.copy()
    for gap in gaps:
        least[gap.first : gap.last + 1] = values[gap.first : gap.last + 1].min()
    left, right = np.arange(-1, count), np.append(np.arange(count), -1)
    roles = np.append(flow.role, len(Role))
    feeds = np.zeros(count + 1, np.bool_)
    feeds[flow.targets[flow.targets == flow.sources + 1]] = True
    readers = np.bincount(flow.sources, minlength=count + 1)
    reads = np.bincount(flow.targets[flow.role[flow.sources] != Role.CONSTANT], minlength=count + 1)
    columns = [roles[left] == role for role in range(len(Role) + 1)]
    columns += [roles[right] == role for role in range(len(Role) + 1)]
    columns += [feeds & (roles[left] == role) for role in range(len(Role))]
    columns += [feeds & (roles[right] == role) for role in range(len(Role))]
    columns += [feeds & (readers[left] > 1), feeds & (reads[right] > 1), feeds & (reads[right] == 1)]
    columns += [values == least, np.minimum(values - least, _MOST_VALUES) / _MOST_VALUES, np.ones(count + 1)]
    return np.column_stack(columns).astype(float)


def tolls(seen: Column, weights: Column) -> Tolls:
    """Return the tolls of boundaries by the weights of what is seen of them, two columns: climbing, descending."""
    logits = seen @ weights
    return Tolls(-logits[:, 0], -logits[:, 1])


class Thought(NamedTuple):
    """What is thought of nodes alone: rows of node, module and the logarithm of its probability."""

    node: Ids
    scope: Ids
    log_probability: Column


def courses(gaps: Sequence[Gap], tolls: Tolls, tree: ScopeTree, thought: Thought) -> Thought:
    """Return how likely each module is for each node of the gaps, all nodes considered at once."""
    alone = Lookup.of(thought.node * len(tree) + thought.scope, np.maximum(thought.log_probability, _FLOOR))
    nodes: list[Ids] = []
    scopes: list[Ids] = []
    found: list[Column] = []
    for batch in _batches(gaps):
        node, scope, log = _batch(batch, tolls, tree, alone)
        nodes.append(node)
        scopes.append(scope)
        found.append(log)
    if not nodes:
        return Thought(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return Thought(np.concatenate(nodes), np.concatenate(scopes), np.concatenate(found))


def _batches(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """Yield gaps of about the same size together."""
    ordered = sorted(gaps, key=lambda gap: (gap.last - gap.first, len(gap.stations)))
    batch: list[Gap] = []
    stations = 0
    for gap in ordered:
        stations = max(stations, len(gap.stations))
        length = gap.last - gap.first
        shortest = batch[0].last - batch[0].first if batch else length
        if batch and ((len(batch) + 1) * length * stations > _CELLS or length > 2 * shortest + 4):
            yield batch
            batch, stations = [], len(gap.stations)
        batch.append(gap)
    if batch:
        yield batch


def _batch(gaps: list[Gap], tolls: Tolls, tree: ScopeTree, alone: Lookup) -> tuple[Ids, Ids, Column]:
    width = len(tree)
    first = np.array([gap.first for gap in gaps])
    length = np.array([gap.last for gap in gaps]) - first
    ends = np.array([len(gap.stations) for gap in gaps]) - 1
    steps, places = int(length.max()), int(ends.max()) + 1
    stations = np.zeros((len(gaps), places), np.int64)
    for row, gap in enumerate(gaps):
        stations[row, : len(gap.stations)] = gap.stations
    descends = np.zeros((len(gaps), places), np.bool_)
    descends[:, :-1] = tree.depth[stations[:, 1:]] > tree.depth[stations[:, :-1]]
    step, place = np.arange(steps), np.arange(places)
    node = np.minimum(first[:, None] + step, (first + length - 1)[:, None])
    inside = step < length[:, None]
    possible = place <= ends[:, None]
    wanted = node[:, :, None] * width + stations[:, None, :]
    own = np.where(possible[:, None, :], alone.get(wanted, _FLOOR), -np.inf)
    # Behind a gap stands the last station.
    at_end = np.where(place == ends[:, None], 0.0, -np.inf)
    own = np.where(inside[:, :, None], own, at_end[:, None, :])
    # One row more for the boundary behind the gap; further rows lead nowhere.
    boundary = np.minimum(first[:, None] + np.arange(steps + 1), (first + length)[:, None])
    toll = np.where(descends[:, None, :], tolls.descending[boundary][:, :, None], tolls.climbing[boundary][:, :, None])
    share = _forward_backward(own, toll, at_end)
    rows = (inside[:, :, None] & possible[:, None, :]).nonzero()
    keys_found, back = np.unique(wanted[rows], return_inverse=True)
    probability = np.bincount(back, share[rows], len(keys_found))
    return keys_found // width, keys_found % width, np.log(np.maximum(probability, 1e-12))


def _forward_backward(own: Column, toll: Column, at_end: Column) -> Column:
    """Return how likely each station is for each node (gaps by nodes by stations), the first and last being given.

    `own` has what is thought of the nodes alone, `toll` what it costs to leave a station at the boundary before each
    node and behind the last, `at_end` 0 at the last station; all are logarithms.
    """
    steps = own.shape[1]
    forward = np.empty_like(own)
    current = np.full_like(at_end, -np.inf)
    current[:, 0] = 0.0
    with np.errstate(invalid="ignore"):
        for index in range(steps):
            current = _passed(current - toll[:, index], current) + own[:, index]
            forward[:, index] = current
        current = _returned(at_end, toll[:, steps])
        for index in range(steps - 1, -1, -1):
            forward[:, index] += current
            current = _returned(current + own[:, index], toll[:, index])
    return np.exp(forward - np.logaddexp.reduce(forward, axis=2, keepdims=True))


def _passed(leaving: Column, staying: Column) -> Column:
    """Return the mass at each station behind a boundary: of whoever stays, and of whoever comes from one before."""
    moved = np.full_like(staying, -np.inf)
    moved[:, 1:] = np.logaddexp.accumulate(leaving[:, :-1], axis=1)
    return np.logaddexp(staying, moved)


def _returned(behind: Column, toll: Column) -> Column:
    """Return the mass that lies behind a boundary for each station before it."""
    later = np.full_like(behind, -np.inf)
    later[:, :-1] = np.logaddexp.accumulate(behind[:, :0:-1], axis=1)[:, ::-1]
    return np.logaddexp(behind, later - toll)

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

from .candidates import CallOrder
from .dataflow import Dataflow, Role
from .scope_tree import Ids, ScopeTree
from .sorted_lookup import Column, SortedLookup

# More values than this above the least of a gap are many.
_MAX_LIVE_VALUES = 4
# What a node's own evidence did not consider at all.
_MIN_LOG_PROB = -7.0
# Longer gaps and courses of more stations say too little to be worth the time.
_MAX_GAP_NODES, _MAX_STATES, _MAX_DETOURS = 4096, 64, 12
# So many pairs of node and station are worked out at once.
_MAX_BATCH_CELLS = 1_000_000


class Gap(NamedTuple):
    """A run of unknown nodes, from `first` to before `last`, and the stations on the way through it."""

    first: int
    last: int
    states: tuple[int, ...]


def find_gaps(known: Ids, around: int, tree: ScopeTree, calls: CallOrder, suggested: Ids) -> list[Gap]:
    """Return the gaps between known nodes (`known` holds their modules, UNKNOWN elsewhere)."""
    unknown = known < 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], unknown, [False])).astype(np.int8)))
    padded = np.append(known, around)
    paths: dict[tuple[int, int], tuple[int, ...]] = {}
    found: list[Gap] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        ends = int(padded[first - 1]), int(padded[last])
        if ends not in paths:
            paths[ends] = _path_through_calls(tree, calls, *ends)
        states = _with_detours(paths[ends], suggested[first:last], tree)
        if last - first <= _MAX_GAP_NODES and len(states) <= _MAX_STATES:
            found.append(Gap(first, last, states))
    return found


def _path_through_calls(tree: ScopeTree, calls: CallOrder, before: int, after: int) -> tuple[int, ...]:
    """Return the modules passed between two known ones, those included that the table calls in between."""
    stops = [before, *calls.called_between(before, after), after]
    path = [before]
    for stop in stops[1:]:
        path.extend(tree.path_between(path[-1], stop)[0][1:])
    return tuple(path)


def _with_detours(path: tuple[int, ...], suggested: Ids, tree: ScopeTree) -> tuple[int, ...]:
    """Return the stations with a detour to each module that twins suggest."""
    wanted = [int(scope) for scope in dict.fromkeys(suggested.tolist()) if scope >= 0 and scope not in path]
    if not wanted or len(wanted) > _MAX_DETOURS:
        return path
    states = list(path)
    for scope in wanted:
        climb = tree.path(scope)
        held = next((index for index, above in enumerate(climb) if above in states), None)
        if held is None:
            continue
        at = len(states) - 1 - states[::-1].index(climb[held])
        # Of two visits to a module the later one makes the detour; nothing tells them apart.
        states[at + 1 : at + 1] = [*reversed(climb[:held]), *climb[1 : held + 1]]
    return tuple(states)


def live_value_counts(flow: Dataflow) -> Ids:
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


class TransitionCosts(NamedTuple):
    """What it costs (a negative logarithm) to leave a station, up or down, at the boundary before each node."""

    leave_up: Column
    leave_down: Column


def boundary_features(flow: Dataflow, gaps: Sequence[Gap]) -> Column:
    """Return what is seen of the boundary before each node, and behind the last: rows of numbers from 0 to 1."""
    count = len(flow)
    values = np.append(0, live_value_counts(flow))
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
    columns += [values == least, np.minimum(values - least, _MAX_LIVE_VALUES) / _MAX_LIVE_VALUES, np.ones(count + 1)]
    return np.column_stack(columns).astype(float)


def transition_costs(features: Column, weights: Column) -> TransitionCosts:
    """Return the tolls of boundaries by the weights of what is seen of them, two columns: climbing, descending."""
    logits = features @ weights
    return TransitionCosts(-logits[:, 0], -logits[:, 1])


class LogPosterior(NamedTuple):
    """What is thought of nodes alone: rows of node, module and the logarithm of its probability."""

    node: Ids
    scope: Ids
    log_probability: Column


def forward_backward(gaps: Sequence[Gap], costs: TransitionCosts, tree: ScopeTree, prior: LogPosterior) -> LogPosterior:
    """Return how likely each module is for each node of the gaps, all nodes considered at once."""
    alone = SortedLookup.of(prior.node * len(tree) + prior.scope, np.maximum(prior.log_probability, _MIN_LOG_PROB))
    nodes: list[Ids] = []
    scopes: list[Ids] = []
    found: list[Column] = []
    for batch in _batches(gaps):
        node, scope, log = _batch_posterior(batch, costs, tree, alone)
        nodes.append(node)
        scopes.append(scope)
        found.append(log)
    if not nodes:
        return LogPosterior(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return LogPosterior(np.concatenate(nodes), np.concatenate(scopes), np.concatenate(found))


def _batches(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """Yield gaps of about the same size together."""
    ordered = sorted(gaps, key=lambda gap: (gap.last - gap.first, len(gap.states)))
    batch: list[Gap] = []
    stations = 0
    for gap in ordered:
        stations = max(stations, len(gap.states))
        length = gap.last - gap.first
        shortest = batch[0].last - batch[0].first if batch else length
        if batch and ((len(batch) + 1) * length * stations > _MAX_BATCH_CELLS or length > 2 * shortest + 4):
            yield batch
            batch, stations = [], len(gap.states)
        batch.append(gap)
    if batch:
        yield batch


def _batch_posterior(
    gaps: list[Gap], costs: TransitionCosts, tree: ScopeTree, emission: SortedLookup
) -> tuple[Ids, Ids, Column]:
    width = len(tree)
    first = np.array([gap.first for gap in gaps])
    length = np.array([gap.last for gap in gaps]) - first
    ends = np.array([len(gap.states) for gap in gaps]) - 1
    steps, places = int(length.max()), int(ends.max()) + 1
    stations = np.zeros((len(gaps), places), np.int64)
    for row, gap in enumerate(gaps):
        stations[row, : len(gap.states)] = gap.states
    descends = np.zeros((len(gaps), places), np.bool_)
    descends[:, :-1] = tree.depth[stations[:, 1:]] > tree.depth[stations[:, :-1]]
    step, place = np.arange(steps), np.arange(places)
    node = np.minimum(first[:, None] + step, (first + length - 1)[:, None])
    inside = step < length[:, None]
    possible = place <= ends[:, None]
    wanted = node[:, :, None] * width + stations[:, None, :]
    own = np.where(possible[:, None, :], emission.get(wanted, _MIN_LOG_PROB), -np.inf)
    # Behind a gap stands the last station.
    at_end = np.where(place == ends[:, None], 0.0, -np.inf)
    own = np.where(inside[:, :, None], own, at_end[:, None, :])
    # One row more for the boundary behind the gap; further rows lead nowhere.
    boundary = np.minimum(first[:, None] + np.arange(steps + 1), (first + length)[:, None])
    toll = np.where(descends[:, None, :], costs.leave_down[boundary][:, :, None], costs.leave_up[boundary][:, :, None])
    share = _posterior(own, toll, at_end)
    rows = (inside[:, :, None] & possible[:, None, :]).nonzero()
    keys_found, back = np.unique(wanted[rows], return_inverse=True)
    probability = np.bincount(back, share[rows], len(keys_found))
    return keys_found // width, keys_found % width, np.log(np.maximum(probability, 1e-12))


def _posterior(emission: Column, cost: Column, at_end: Column) -> Column:
    """Return how likely each station is for each node (gaps by nodes by stations), the first and last being given.

    `own` has what is thought of the nodes alone, `toll` what it costs to leave a station at the boundary before each
    node and behind the last, `at_end` 0 at the last station; all are logarithms.
    """
    steps = emission.shape[1]
    forward = np.empty_like(emission)
    current = np.full_like(at_end, -np.inf)
    current[:, 0] = 0.0
    with np.errstate(invalid="ignore"):
        for index in range(steps):
            current = _forward_step(current - cost[:, index], current) + emission[:, index]
            forward[:, index] = current
        current = _backward_step(at_end, cost[:, steps])
        for index in range(steps - 1, -1, -1):
            forward[:, index] += current
            current = _backward_step(current + emission[:, index], cost[:, index])
    return np.exp(forward - np.logaddexp.reduce(forward, axis=2, keepdims=True))


def _forward_step(leaving: Column, staying: Column) -> Column:
    """Return the mass at each station behind a boundary: of whoever stays, and of whoever comes from one before."""
    moved = np.full_like(staying, -np.inf)
    moved[:, 1:] = np.logaddexp.accumulate(leaving[:, :-1], axis=1)
    return np.logaddexp(staying, moved)


def _backward_step(behind: Column, cost: Column) -> Column:
    """Return the mass that lies behind a boundary for each station before it."""
    later = np.full_like(behind, -np.inf)
    later[:, :-1] = np.logaddexp.accumulate(behind[:, :0:-1], axis=1)[:, ::-1]
    return np.logaddexp(behind, later - cost)

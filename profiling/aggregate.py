"""Sum the times of nodes by module, class, layer, operator and provider, and take medians over runs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ..tags.module_table import ModuleTable
from ..tags.scope import natural_sort_key, with_ancestors
from .node_modules import NodeModule
from .node_times import NodeTimes
from .profile import ModuleTime, NodeTime, Span, TimeGroup
from .statistics import median_intervals

UNMAPPED = "(unmapped)"
UNKNOWN_CLASS = "(class not known)"
_LAYER = re.compile(r"^(.*?(?:^|\.)\d+)(?:\.|$)")


class _Sums:
    """The sums of the times of some groups of nodes, with their medians over runs.

    names: the name of each group.
    nodes: the indices of the nodes of each group.
    """

    def __init__(self, times: NodeTimes, groups: Mapping[str, Sequence[int]]) -> None:
        self.names = list(groups)
        self.nodes = list(groups.values())
        sums = [times.times_us[:, list(nodes)].sum(axis=1) for nodes in self.nodes]
        samples = np.stack(sums, axis=1) if sums else np.zeros((len(times.times_us), 0))
        calls = np.array([sum(times.calls[node] for node in nodes) for nodes in self.nodes], float)
        # Rounding errors of calls are independent and at most half a unit each.
        self.intervals = median_intervals(samples, times.resolution_us / 2 * np.sqrt(calls))

    def groups(self, total: float) -> list[TimeGroup]:
        """Return the groups, the heaviest first. `total` is the time of all nodes."""
        rows = zip(self.names, self.nodes, *self.intervals, strict=True)
        found = [
            TimeGroup(name, float(us), float(low), float(high), _share(us, total), len(nodes))
            for name, nodes, us, low, high in rows
        ]
        return sorted(found, key=lambda group: -group.us)


def aggregate(times: NodeTimes, node_modules: Sequence[NodeModule], modules: ModuleTable) -> Mapping[str, object]:
    """Return the fields of `Profile` that come from the times of nodes; `node_modules` has the module of each node.

    The median of a sum is not the sum of medians. So that parts add up, own times are scaled to add up to the median of
    the whole, and the time of a module with its submodules is a sum of own times.
    """
    total = float(np.median(times.times_us.sum(axis=1)))
    indices = range(len(times.nodes))
    unknown = [index for index in indices if node_modules[index].scope is None]
    own = _Sums(times, _grouped(indices, lambda index: node_modules[index].scope))
    rest = _Sums(times, {UNMAPPED: unknown})
    parts = float(own.intervals.median.sum() + rest.intervals.median.sum())
    factor = total / parts if parts else 1.0
    own.intervals, rest.intervals = own.intervals.scaled(factor), rest.intervals.scaled(factor)
    module_of = [module.scope for module in node_modules]
    indices = range(len(times.nodes))
    node_medians = np.median(times.times_us, axis=0)
    nodes = [
        NodeTime(node, node_modules[index], float(node_medians[index]), times.calls[index])
        for index, node in enumerate(times.nodes)
    ]

    class_names = {scope: name for scope in modules if (name := modules[scope].bare_class) is not None}

    def grouped(key: Callable[[int], str | None]) -> list[TimeGroup]:
        return _Sums(times, _grouped(indices, key)).groups(total)

    return {
        "profiled_us": total,
        "unmapped": rest.groups(total)[0],
        "modules": _module_times(times, own, total, factor),
        "class_names": class_names,
        # Without any class there would be one row of all the time.
        "classes": grouped(lambda index: _class_of(module_of[index], modules)) if class_names else [],
        "layers": grouped(lambda index: _layer_of(module_of[index])),
        "operators": grouped(lambda index: times.nodes[index].operator),
        "providers": grouped(lambda index: times.nodes[index].provider),
        "nodes": sorted(nodes, key=lambda node: -node.us),
        "timeline": [Span(times.nodes[index], node_modules[index], start, end) for start, end, index in times.timeline],
        "runs": len(times.times_us),
    }


def _grouped(indices: Iterable[int], key: Callable[[int], str | None]) -> dict[str, list[int]]:
    """Return the indices by key, without those that have none."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for index in indices:
        found = key(index)
        if found is not None:
            groups[found].append(index)
    return groups


def _module_times(times: NodeTimes, own: _Sums, total: float, factor: float) -> dict[str, ModuleTime]:
    """Return the times of modules; `own` has the own times, scaled by `factor`."""
    row_of = {scope: row for row, scope in enumerate(own.names)}
    below: defaultdict[str, list[int]] = defaultdict(list)
    all_us: defaultdict[str, float] = defaultdict(float)
    for scope, row in row_of.items():
        for ancestor in (*with_ancestors(scope), ""):
            below[ancestor] += own.nodes[row]
            all_us[ancestor] += float(own.intervals.median[row])
    with_below = _Sums(times, {scope: below[scope] for scope in sorted(below, key=natural_sort_key)})
    all_times = with_below.intervals.scaled(factor)
    medians = np.median(times.times_us, axis=0)
    found: dict[str, ModuleTime] = {}
    for all_row, scope in enumerate(with_below.names):
        row = row_of.get(scope)
        nodes = () if row is None else own.nodes[row]
        providers: defaultdict[str, float] = defaultdict(float)
        for node in nodes:
            providers[times.nodes[node].provider] += float(medians[node])
        own_us, low_us, high_us = (0.0, 0.0, 0.0) if row is None else (float(part[row]) for part in own.intervals)
        found[scope] = ModuleTime(
            own_us=own_us,
            low_us=low_us,
            high_us=high_us,
            all_us=all_us[scope],
            all_low_us=min(float(all_times.low[all_row]), all_us[scope]),
            all_high_us=max(float(all_times.high[all_row]), all_us[scope]),
            share=_share(own_us, total),
            calls=sum(times.calls[node] for node in nodes),
            output_bytes=sum(times.output_bytes[node] for node in nodes),
            all_output_bytes=sum(times.output_bytes[node] for node in with_below.nodes[all_row]),
            providers=dict(providers),
        )
    return found


def _share(us: float, total: float) -> float:
    return min(float(us) / total, 1.0) if total else 0.0


def _class_of(scope: str | None, modules: ModuleTable) -> str | None:
    if scope is None:
        return UNMAPPED
    name = modules[scope].bare_class if scope in modules else None
    return name or UNKNOWN_CLASS


def _layer_of(scope: str | None) -> str | None:
    """Return the outermost module in a list of modules that holds a module, such as `encoder.layer.3`; else None."""
    found = _LAYER.match(scope or "")
    return None if found is None else found[1]

"""The text of `hpass profile`: the heaviest modules, groups of nodes, and the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..wording import counted
from .streams import Styled
from .table import aligned, column_widths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..profiling.profile import ModuleTime, Profile, TimeGroup
    from .streams import Line

_MAX_ROWS = 10
# A module with less of the time is not in the tree.
_MIN_SHARE = 0.01
_US_PER_MS = 1000.0


class _Row(NamedTuple):
    share: float
    us: float
    low_us: float
    high_us: float
    nodes: int
    name: str


def profile_lines(profile: Profile, *, ascii_only: bool) -> Iterator[Line]:
    """Yield the lines of a profile. Times are parts of the wall time without profiling, if it was measured."""
    yield from _head(profile)
    yield from _heaviest(profile)
    for title, groups in (
        ("class", profile.classes),
        ("layer", profile.layers),
        ("operator", profile.operators),
        ("provider", profile.providers if len(profile.providers) > 1 else ()),
    ):
        yield from _groups(title, groups, profile.scale)
    yield from _tree(profile, ascii_only=ascii_only)


def _head(profile: Profile) -> Iterator[Line]:
    note = ", interrupted" if profile.interrupted else ""
    if profile.total_us is None or profile.profiled_wall_us is None:
        # What sums up runs does not always say how many.
        runs = f", the median of {counted(profile.runs, 'run')}" if profile.runs > 1 else ""
        yield f"{profile.model}: {_time(profile.profiled_us)} in nodes{runs}"
    else:
        runs = f"the median of {counted(profile.runs, 'run')} after {profile.warmup}{note}"
        yield f"{profile.model}: {_time(profile.total_us)}, {runs}"
        cost = profile.profiled_wall_us / profile.total_us - 1 if profile.total_us else 0.0
        yield (
            f"with profiling {_time(profile.profiled_wall_us)} ({cost:+.2%}), of which nodes "
            f"{_time(profile.profiled_us)}; times below are scaled to {_time(profile.total_us)}"
        )
    yield f"{profile.mapped:.2%} of the time of nodes has a module"
    yield ""


def _heaviest(profile: Profile) -> Iterator[Line]:
    modules = sorted(profile.modules.items(), key=lambda item: -item[1].own_us)[:_MAX_ROWS]
    rows = [
        _Row(module.share, module.own_us, module.low_us, module.high_us, module.calls, _named(scope, profile))
        for scope, module in modules
        if module.own_us
    ]
    rest = profile.unmapped
    if rest.us:
        rows.append(_Row(rest.share, rest.us, rest.low_us, rest.high_us, rest.nodes, rest.name))
    yield from _table("own", "calls", "module", rows, profile.scale)


def _groups(title: str, groups: Sequence[TimeGroup], scale: float) -> Iterator[Line]:
    rows = [
        _Row(group.share, group.us, group.low_us, group.high_us, group.nodes, group.name)
        for group in groups[:_MAX_ROWS]
    ]
    if rows:
        yield ""
        yield from _table("time", "nodes", title, rows, scale)


def _table(time: str, count: str, title: str, rows: Sequence[_Row], scale: float) -> Iterator[Line]:
    head = (f"{'share':>7}", f"{time:>11}", f"{'95% interval':>24}", f"{count:>7}")
    yield Styled("  ".join((*head, title)), dim=True)
    for row in rows:
        interval = f"{_time(row.low_us * scale)} to {_time(row.high_us * scale)}"
        cells = (f"{row.share:>7.2%}", f"{_time(row.us * scale):>11}", f"{interval:>24}", f"{row.nodes:>7,}")
        yield "  ".join((*cells, row.name))


def _tree(profile: Profile, *, ascii_only: bool) -> Iterator[Line]:
    from ..reporting.module_tree import draw, label
    from ..reporting.time_tree import time_tree

    lines = list(draw(time_tree(profile, _MIN_SHARE), ascii_only=ascii_only))
    heads = ("own", "all", "time", "bytes written")
    rows = [_tree_cells(profile.modules.get(line.branch.scope), profile) for line in lines]
    if all(row[-1] == "0" for row in rows):
        # Not every trace says how much was written.
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    widths = column_widths(heads, rows)
    yield ""
    yield Styled(aligned(heads, widths), dim=True)
    for (prefix, branch, _), row in zip(lines, rows, strict=True):
        yield f"{aligned(row, widths)}  ", Styled(prefix, dim=True), Styled(label(branch))
    small = sum(module.all_us < _MIN_SHARE * profile.profiled_us for module in profile.modules.values())
    if small:
        yield Styled(f"{counted(small, 'module')} with less than {_MIN_SHARE:.0%} of the time not shown", dim=True)


def _tree_cells(module: ModuleTime | None, profile: Profile) -> tuple[str, ...]:
    if module is None:
        return f"{0:.2%}", f"{0:.2%}", _time(0.0), "0"
    own, total = (us / profile.profiled_us if profile.profiled_us else 0.0 for us in (module.own_us, module.all_us))
    return f"{own:.2%}", f"{total:.2%}", _time(module.all_us * profile.scale), f"{module.all_output_bytes:,}"


def _named(scope: str, profile: Profile) -> str:
    class_name = profile.class_names.get(scope)
    name = scope or "(root)"
    return name if class_name is None else f"{name}: {class_name}"


def _time(us: float) -> str:
    """Return a time in the unit that fits."""
    if us < _US_PER_MS:
        return f"{us:.2f} us"
    return f"{us / _US_PER_MS:.2f} ms" if us < _US_PER_MS**2 else f"{us / _US_PER_MS**2:.2f} s"

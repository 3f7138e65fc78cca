"""The text summary of a run: counts, findings, times and the output path."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from ..wording import counted, percent, percentages
from .streams import Styled, uses_box_drawing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..batch.location import Location
    from ..passes.findings import Finding
    from ..reporting.totals import Totals
    from .streams import Line, Span

_MAX_FINDINGS = 3
_MAX_BAR_CHARACTERS = 24
_LINE_CHARACTERS = 90
# Keeps a step's name and its time on one line.
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_SEVERITY_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
_CONFIDENCE_COLOURS = {"high": "green", "medium": "yellow", "low": "red"}
_TABLE_COLUMNS = ("nodes", "tagged", "modules", "inherited", "fell back", *_CONFIDENCE_COLOURS, "findings", "s")


TableRow = tuple[str, ...]


class StepTime(NamedTuple):
    """The name of a step and the time it took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class TaggedFile:
    """The data of one summary: the input's name, the output path, counts, findings and times."""

    source: str
    target: Location
    totals: Totals
    findings: Sequence[Finding]
    times: Sequence[StepTime]


def table_row(file: TaggedFile) -> TableRow:
    """Return the cells of one model."""
    return (
        f"{file.totals.nodes:,}",
        percent(file.totals.tagged, file.totals.nodes),
        f"{file.totals.modules:,}",
        f"{file.totals.sources['inherited']:,}",
        f"{file.totals.sources['fallback']:,}",
        *percentages(list(file.totals.confidences.values())),
        _severity_counts(file.findings, worst_only=True),
        f"{sum(time.seconds for time in file.times):.2f}",
        str(file.target),
    )


def table(rows: Sequence[TableRow]) -> Iterator[Line]:
    """Yield a table of several models: a heading, then one line per model."""
    cells = [(*_TABLE_COLUMNS, "written to"), *rows]
    widths = [max(map(len, column)) for column in list(zip(*cells, strict=True))[:-1]]
    heading, *lines = [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]])
        for row in cells
    ]
    yield Styled(heading, dim=True)
    yield from lines


def time_table(times: Sequence[StepTime]) -> Iterator[Line]:
    """Yield a table of the time of each step, in seconds and as a share of the total."""
    total = sum(time.seconds for time in times)
    width = max(len(time.name) for time in times)
    shares = percentages([round(time.seconds * 1e9) for time in times], decimals=0)
    for time, share in zip([*times, StepTime("total", total)], [*shares, "100%"], strict=True):
        yield f"{time.name:<{width}}  {time.seconds:9.4f} s  {share:>5}"


def summary(file: TaggedFile, stream: TextIO, *, all_findings: bool = False) -> Iterator[Line]:
    """Yield the summary of one model for a stream, with an arrow and, on a terminal, bars if its encoding has them."""
    totals = file.totals
    unicode = uses_box_drawing(stream)
    bar_characters = _MAX_BAR_CHARACTERS if unicode and stream.isatty() else 0
    yield f"{file.source} {'→' if unicode else '->'} ", Styled(str(file.target), bold=True)
    yield ""
    coverage = percent(totals.tagged, totals.nodes)
    covered = Styled(f"{coverage} tagged", "green" if totals.coverage == 1 else "red", bold=True)
    yield (
        f"  {'nodes':<12}{totals.nodes:,}: ",
        covered,
        f", {counted(totals.modules, 'module')}, {counted(totals.tags, 'tag')}",
    )
    yield from _share_lines("source", totals.sources, bar_characters, {})
    yield from _share_lines("confidence", totals.confidences, bar_characters, _CONFIDENCE_COLOURS)
    yield f"  {'auxiliary':<12}{_auxiliary_text(totals)}"
    total = sum(time.seconds for time in file.times)
    each = ", ".join(f"{time.name}{_NO_BREAK_SPACE}{time.seconds:.3f}" for time in file.times)
    start = f"  {'time':<12}{total:.2f} s: "
    for line in wrap(each, _LINE_CHARACTERS, initial_indent=start, subsequent_indent=" " * 14, break_on_hyphens=False):
        yield line.replace(_NO_BREAK_SPACE, " ")
    yield f"  {'findings':<12}{_severity_counts(file.findings)}"
    yield from finding_lines(file.findings, limit=None if all_findings else _MAX_FINDINGS)


def finding_lines(findings: Sequence[Finding], *, limit: int | None = None) -> Iterator[Line]:
    """Yield one line per finding, errors first; at most `limit` findings, and then one line with the number omitted."""
    ordered = sorted(findings, key=lambda finding: list(_SEVERITY_COLOURS).index(finding.severity))
    for finding in ordered[:limit]:
        position = f" ({finding.node})" if finding.node else ""
        mark = Styled(f"{finding.severity:<8}", _SEVERITY_COLOURS[finding.severity])
        yield "    ", mark, f"{finding.rule}: {finding.message}{position}"
    if limit is not None and len(ordered) > limit:
        yield Styled(f"    and {len(ordered) - limit} more: -v shows all", dim=True)


def _share_lines(
    title: str, counts: Mapping[str, int], bar_characters: int, colours: Mapping[str, str]
) -> Iterator[Line]:
    """Yield one line per count that is not 0. A bar of `bar_characters` is 100%; with 0 there are no bars."""
    total = sum(counts.values())
    for (name, count), share in zip(counts.items(), percentages(list(counts.values())), strict=True):
        if count:
            row: list[Span] = [f"  {title:<12}{name:<12}{count:>9,}  {share:>6}"]
            if bar_characters:
                bar = "█" * max(1, round(count / total * bar_characters))
                row.append(Styled(f"  {bar}", colours.get(name, "cyan")))
            yield row
            title = ""


def _auxiliary_text(totals: Totals) -> str:
    found = totals.auxiliary
    if not found.found:
        return "none"
    serving = f", {found.serving:,} serve another module" if found.serving else ""
    return (
        f"{counted(found.found, 'operation')}: {found.inherited:,} inherited, {found.fell_back:,} fell back, "
        f"{found.at_root:,} at the root{serving}"
    )


def _severity_counts(findings: Sequence[Finding], *, worst_only: bool = False) -> str:
    counts = [
        f"{count} {severity if severity == 'info' or count == 1 else severity + 's'}"
        for severity in _SEVERITY_COLOURS
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    return ", ".join(counts[:1] if worst_only else counts) or "none"

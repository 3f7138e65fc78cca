"""What a run prints for people: the figures, the findings, and where the model went."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from ..reporting.wording import percent, several
from .streams import printable, use_colour, uses_box_drawing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from ..passes.findings import Finding
    from ..reporting.totals import Totals
    from .streams import Paint

_SHOWN_FINDINGS = 3
_BAR = 24
_WIDTH = 90
# Keeps a name and its figure on one line.
_STICKY = "\N{NO-BREAK SPACE}"
_MARKS = {"error": "red", "warning": "yellow", "info": "blue"}
_CONFIDENCE = {"high": "green", "medium": "yellow", "low": "red"}


class Timed(NamedTuple):
    """How long something took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class TaggedFile:
    """What is told of a tagged model: where it came from and went, its figures, findings and times."""

    source: str
    target: Path
    totals: Totals
    findings: Sequence[Finding]
    times: Sequence[Timed]


@dataclass(frozen=True)
class Style:
    """How text looks on a stream."""

    paint: Paint
    draws: bool
    bars: bool

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Return colours and bars for a terminal, plain text for a pipe or a file."""
        return cls(use_colour(stream), uses_box_drawing(stream), stream.isatty() and uses_box_drawing(stream))


def summary(tagged: TaggedFile, style: Style, *, all_findings: bool = False) -> str:
    """Return the summary of one model, ending in a line break."""
    return "\n".join([*_lines(tagged, style, all_findings=all_findings), ""])


def table(models: Sequence[TaggedFile], style: Style) -> str:
    """Return the summary of several models, a line each."""
    rows = [("nodes", "tagged", "modules", "inherited", "fell back", "findings", "s", "written to")]
    rows += [
        (
            f"{item.totals.nodes:,}",
            percent(item.totals.coverage),
            f"{item.totals.modules:,}",
            f"{item.totals.sources['inherited']:,}",
            f"{item.totals.sources['fallback']:,}",
            _counted(item.findings, worst_only=True),
            f"{sum(time.seconds for time in item.times):.2f}",
            printable(str(item.target)),
        )
        for item in models
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]) for row in rows
    ]
    return "\n".join([style.paint(lines[0], dim=True), *lines[1:], ""])


def time_table(times: Sequence[Timed]) -> str:
    """Return how long each step took and its share of the whole."""
    total = sum(time.seconds for time in times)
    width = max(len(time.name) for time in times)
    rows = [*times, Timed("total", total)]
    return "".join(
        f"{time.name:<{width}}  {time.seconds:9.4f} s  {time.seconds / (total or 1):5.0%}\n" for time in rows
    )


def _lines(tagged: TaggedFile, style: Style, *, all_findings: bool) -> Iterator[str]:
    totals, paint = tagged.totals, style.paint
    arrow = "→" if style.draws else "->"
    yield f"{printable(tagged.source)} {arrow} {paint(printable(str(tagged.target)), bold=True)}"
    yield ""
    covered = paint(f"{percent(totals.coverage)} tagged", fg="green" if totals.coverage == 1 else "red", bold=True)
    yield f"  {'nodes':<12}{totals.nodes:,}: {covered}, {totals.modules:,} modules, {totals.tags:,} tags"
    yield from _shares("source", totals.sources, totals.tagged, style, {})
    yield from _shares("confidence", totals.confidences, totals.tagged, style, _CONFIDENCE)
    yield f"  {'auxiliary':<12}{_auxiliary(totals)}"
    total = sum(time.seconds for time in tagged.times)
    each = ", ".join(f"{time.name}{_STICKY}{time.seconds:.3f}" for time in tagged.times)
    start = f"  {'time':<12}{total:.2f} s: "
    for line in wrap(each, _WIDTH, initial_indent=start, subsequent_indent=" " * 14, break_on_hyphens=False):
        yield line.replace(_STICKY, " ")
    yield f"  {'findings':<12}{_counted(tagged.findings)}"
    yield from finding_lines(tagged.findings, style, limit=None if all_findings else _SHOWN_FINDINGS)


def finding_lines(findings: Sequence[Finding], style: Style, *, limit: int | None = None) -> Iterator[str]:
    """Yield a line for each finding, the most important first."""
    ordered = sorted(findings, key=lambda finding: list(_MARKS).index(finding.severity))
    for finding in ordered[:limit]:
        where = f" ({finding.node})" if finding.node else ""
        mark = style.paint(f"{finding.severity:<8}", fg=_MARKS[finding.severity])
        yield f"    {mark}{finding.rule}: {printable(finding.message)}{where}"
    if limit is not None and len(ordered) > limit:
        yield style.paint(f"    and {len(ordered) - limit} more: -v shows all", dim=True)


def _shares(
    title: str, counts: Mapping[str, int], total: int, style: Style, colours: Mapping[str, str]
) -> Iterator[str]:
    for name, count in counts.items():
        if count:
            share = count / total
            bar = f"  {'█' * max(1, round(share * _BAR))}" if style.bars else ""
            row = f"{name:<12}{count:>9,}  {percent(share):>6}"
            yield f"  {title:<12}{row}{style.paint(bar, fg=colours.get(name, 'cyan'))}"
            title = ""


def _auxiliary(totals: Totals) -> str:
    found = totals.auxiliary
    if not found.found:
        return "none"
    serving = f", {found.serving:,} serve another module" if found.serving else ""
    return (
        f"{several(found.found, 'operation')}: {found.inherited:,} inherited, {found.fell_back:,} fell back, "
        f"{found.at_root:,} at the root{serving}"
    )


def _counted(findings: Sequence[Finding], *, worst_only: bool = False) -> str:
    counts = [
        f"{count} {severity if severity == 'info' or count == 1 else severity + 's'}"
        for severity in _MARKS
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    return ", ".join(counts[:1] if worst_only else counts) or "none"

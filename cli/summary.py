"""The text summary of a run: counts, findings, times and the output path."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from ..reporting.wording import counted, percent, percentages
from .streams import printable, use_colour, uses_box_drawing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from ..passes.findings import Finding
    from ..reporting.totals import Totals
    from .streams import Paint

_MAX_FINDINGS = 3
_MAX_BAR_CHARACTERS = 24
_LINE_CHARACTERS = 90
# Keeps a step's name and its time on one line.
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_SEVERITY_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
_CONFIDENCE_COLOURS = {"high": "green", "medium": "yellow", "low": "red"}


class StepTime(NamedTuple):
    """The name of a step and the time it took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class TaggedFile:
    """The data of one summary: the input's name, the output path, counts, findings and times."""

    source: str
    target: Path
    totals: Totals
    findings: Sequence[Finding]
    times: Sequence[StepTime]


@dataclass(frozen=True)
class Style:
    """How to format text for a stream: colours, arrows beyond ASCII (`unicode`), and bars."""

    paint: Paint
    unicode: bool
    bars: bool

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Return the style for a stream: colours and bars on a terminal, plain text in a pipe or file."""
        return cls(use_colour(stream), uses_box_drawing(stream), stream.isatty() and uses_box_drawing(stream))


def summary(file: TaggedFile, style: Style, *, all_findings: bool = False) -> str:
    """Return the summary of one model. It ends with a line break."""
    return "\n".join([*_summary_lines(file, style, all_findings=all_findings), ""])


def table(files: Sequence[TaggedFile], style: Style) -> str:
    """Return a table of several models with one row per model."""
    rows = [("nodes", "tagged", "modules", "inherited", "fell back", "findings", "s", "written to")]
    rows += [
        (
            f"{item.totals.nodes:,}",
            percent(item.totals.tagged, item.totals.nodes),
            f"{item.totals.modules:,}",
            f"{item.totals.sources['inherited']:,}",
            f"{item.totals.sources['fallback']:,}",
            _severity_counts(item.findings, worst_only=True),
            f"{sum(time.seconds for time in item.times):.2f}",
            printable(str(item.target)),
        )
        for item in files
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]) for row in rows
    ]
    return "\n".join([style.paint(lines[0], dim=True), *lines[1:], ""])


def time_table(times: Sequence[StepTime]) -> str:
    """Return a table of the time of each step, in seconds and as a share of the total."""
    total = sum(time.seconds for time in times)
    width = max(len(time.name) for time in times)
    shares = percentages([round(time.seconds * 1e9) for time in times], decimals=0)
    rows = zip([*times, StepTime("total", total)], [*shares, "100%"], strict=True)
    return "".join(f"{time.name:<{width}}  {time.seconds:9.4f} s  {share:>5}\n" for time, share in rows)


def _summary_lines(file: TaggedFile, style: Style, *, all_findings: bool) -> Iterator[str]:
    totals, paint = file.totals, style.paint
    arrow = "→" if style.unicode else "->"
    yield f"{printable(file.source)} {arrow} {paint(printable(str(file.target)), bold=True)}"
    yield ""
    coverage = percent(totals.tagged, totals.nodes)
    covered = paint(f"{coverage} tagged", fg="green" if totals.coverage == 1 else "red", bold=True)
    yield f"  {'nodes':<12}{totals.nodes:,}: {covered}, {totals.modules:,} modules, {totals.tags:,} tags"
    yield from _share_lines("source", totals.sources, style, {})
    yield from _share_lines("confidence", totals.confidences, style, _CONFIDENCE_COLOURS)
    yield f"  {'auxiliary':<12}{_auxiliary_text(totals)}"
    total = sum(time.seconds for time in file.times)
    each = ", ".join(f"{time.name}{_NO_BREAK_SPACE}{time.seconds:.3f}" for time in file.times)
    start = f"  {'time':<12}{total:.2f} s: "
    for line in wrap(each, _LINE_CHARACTERS, initial_indent=start, subsequent_indent=" " * 14, break_on_hyphens=False):
        yield line.replace(_NO_BREAK_SPACE, " ")
    yield f"  {'findings':<12}{_severity_counts(file.findings)}"
    yield from finding_lines(file.findings, style, limit=None if all_findings else _MAX_FINDINGS)


def finding_lines(findings: Sequence[Finding], style: Style, *, limit: int | None = None) -> Iterator[str]:
    """Yield one line per finding, errors first; at most `limit` findings, and then one line with the number omitted."""
    ordered = sorted(findings, key=lambda finding: list(_SEVERITY_COLOURS).index(finding.severity))
    for finding in ordered[:limit]:
        position = f" ({finding.node})" if finding.node else ""
        mark = style.paint(f"{finding.severity:<8}", fg=_SEVERITY_COLOURS[finding.severity])
        yield f"    {mark}{finding.rule}: {printable(finding.message)}{position}"
    if limit is not None and len(ordered) > limit:
        yield style.paint(f"    and {len(ordered) - limit} more: -v shows all", dim=True)


def _share_lines(title: str, counts: Mapping[str, int], style: Style, colours: Mapping[str, str]) -> Iterator[str]:
    total = sum(counts.values())
    for (name, count), share in zip(counts.items(), percentages(list(counts.values())), strict=True):
        if count:
            bar = f"  {'█' * max(1, round(count / total * _MAX_BAR_CHARACTERS))}" if style.bars else ""
            row = f"{name:<12}{count:>9,}  {share:>6}"
            yield f"  {title:<12}{row}{style.paint(bar, fg=colours.get(name, 'cyan'))}"
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

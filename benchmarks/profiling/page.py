"""The page of results."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence

import onnxruntime

from .agreement import Agreement
from .dearer import Dearer
from .mapped import Row

_BAR = {
    "fixtures": 0.99,
    "real size": 0.99,
    "current": 0.99,
    "torchscript": 0.99,
    "quantize_dynamic": 0.95,
    "static-QDQ": 0.95,
}

INTRODUCTION = (
    "The optimisation level is onnxruntime's default. *Mapped* is the share of node time that a module got. *Right* "
    "counts nodes whose module is the nearest common ancestor that the oracle finds as well "
    "(benchmarks/profiling/oracle.py). The oracle shares no code with the profile and leaves out nodes that it knows "
    "nothing of, such as conversions of layout. Quantised models are tagged with the model before them as "
    "`--reference`."
)


def page(rows: Sequence[Row], agreements: Sequence[Agreement], dear: Sequence[Dearer]) -> str:
    """Return the page as Markdown."""
    return "\n".join((*_mapped(rows), *_each(rows), *_agreement(agreements), *_dearer(dear)))


def _mapped(rows: Sequence[Row]) -> Iterator[str]:
    yield "# Profiles, measured"
    yield ""
    command = "`python -m benchmarks.profiling`"
    yield f"By {command}, onnxruntime {onnxruntime.__version__} on {platform.machine()}. {INTRODUCTION}"
    yield ""
    yield "| models | number | mapped, least | mapped, mean | right | do not run |"
    yield "|---|--:|--:|--:|--:|--:|"
    for group in _BAR:
        of_group = [row for row in rows if row.subject.group == group]
        ran = [row for row in of_group if row.failure is None]
        if ran:
            mapped = [row.mapped for row in ran]
            compared, agreeing = (sum(getattr(row, key) for row in ran) for key in ("compared", "agreeing"))
            yield (
                f"| {group} | {len(of_group)} | {min(mapped):.2%} | {sum(mapped) / len(mapped):.2%} "
                f"| {agreeing:,} of {compared:,} | {len(of_group) - len(ran)} |"
            )
    yield ""
    below = [row for row in rows if row.failure is None and row.mapped < _BAR[row.subject.group]]
    if below:
        yield "Below 99% (95% if quantised): " + ", ".join(
            f"{row.subject.name} ({row.subject.group}) {row.mapped:.2%}" for row in below
        )
        yield ""
    for row in rows:
        if row.failure is not None:
            yield f"- {row.subject.name} ({row.subject.group}): {row.failure.partition(': ')[2]}"
    missing = max((row.missing for row in rows), default=0.0)
    yield f"In each profile, own times and the time of unmapped nodes add up to that of all nodes within {missing:.4%}."
    yield ""


def _each(rows: Sequence[Row]) -> Iterator[str]:
    """Yield each model that is no fixture, with what profiling costs."""
    yield "## Each model"
    yield ""
    yield (
        "Wall times are medians of 5 runs with one thread, on a machine with a load of "
        f"{_load()}. *Profiling* is what it adds."
    )
    yield ""
    yield "| model | group | mapped | right | run (ms) | with profiling (ms) | profiling |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for row in rows:
        if row.failure is None and row.subject.group != "fixtures":
            cost = row.profiled_ms / row.plain_ms - 1 if row.plain_ms else 0.0
            yield (
                f"| {row.subject.name} | {row.subject.group} | {row.mapped:.2%} | {row.agreeing:,} of {row.compared:,} "
                f"| {row.plain_ms:,.2f} | {row.profiled_ms:,.2f} | {cost:+.0%} |"
            )
    yield ""


def _load() -> str:
    """Return how many processes wanted a processor, and how many processors there are."""
    load = f"{os.getloadavg()[2]:.0f}" if hasattr(os, "getloadavg") else "?"
    return f"{load} on {os.cpu_count()} processors"


def _agreement(agreements: Sequence[Agreement]) -> Iterator[str]:
    pairs, overlapping = sum(row.pairs for row in agreements), sum(row.overlapping for row in agreements)
    yield "## Two profiles of the same model"
    yield ""
    yield (
        f"Of modules with 1% of the time or more, the 95% intervals of two profiles overlap in {overlapping} of "
        f"{pairs} pairs ({overlapping / pairs:.1%}):"
    )
    yield ""
    yield "| model | modules | overlapping |"
    yield "|---|--:|--:|"
    yield from (f"| {row.model} | {row.pairs} | {row.overlapping} |" for row in agreements)
    yield ""


def _dearer(dear: Sequence[Dearer]) -> Iterator[str]:
    yield "## A module made dearer"
    yield ""
    yield "One of six equal blocks does 2 and 4 times the work:"
    yield ""
    yield "| work | time | largest change of another block |"
    yield "|--:|--:|--:|"
    yield from (f"| {row.factor} | {row.measured:.2f} | {row.largest_other:.1%} |" for row in dear)
    yield ""

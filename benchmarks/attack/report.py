"""The result of an attack as a table by class of mutants, and every fault by kind and place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from .mutants import KINDS
from .oracle import FAULTS, Outcome, Verdict
from .worker import Record

_SHOWN_INDICES = 3


def markdown(records: Sequence[Record]) -> str:
    """Return the tables as Markdown."""
    verdicts = [Verdict.REFUSED, *FAULTS]
    lines = [
        f"| mutants | tried | {' | '.join(verdicts)} |",
        f"|---|{'--:|' * (len(verdicts) + 1)}",
        *(_row(kind, [record for record in records if record.kind == kind], verdicts) for kind in (*KINDS, "unknown")),
        _row("all", records, verdicts),
    ]
    faults = _faults(records)
    if faults:
        lines += ["", "| fault | where | mutants | such as --only |", "|---|---|--:|---|"]
        for (verdict, where), indices in faults:
            lines.append(
                f"| {verdict} | {where} | {len(indices):,} | {', '.join(map(str, indices[:_SHOWN_INDICES]))} |"
            )
    return "\n".join(line for line in lines if line is not None) + "\n"


def as_json(records: Sequence[Record]) -> dict[str, Any]:
    """Return the tables as data."""
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        kinds[record.kind][record.outcome.verdict] += 1
    return {
        "tried": len(records),
        "kinds": {kind: dict(counts) for kind, counts in sorted(kinds.items())},
        "faults": [
            {"fault": outcome.verdict, "where": outcome.where, "indices": indices}
            for outcome, indices in _faults(records)
        ],
        "slowest_seconds": max((record.seconds for record in records), default=0.0),
    }


def _row(name: str, records: Sequence[Record], verdicts: Sequence[Verdict]) -> str:
    counts = Counter(record.outcome.verdict for record in records)
    return f"| {name} | {len(records):,} | {' | '.join(f'{counts[verdict]:,}' for verdict in verdicts)} |"


def _faults(records: Sequence[Record]) -> list[tuple[Outcome, list[int]]]:
    """Return the indices of the mutants of each fault, the most frequent fault first."""
    found: defaultdict[Outcome, list[int]] = defaultdict(list)
    for record in records:
        if record.outcome.verdict in FAULTS:
            found[record.outcome].append(record.index)
    return sorted(
        ((fault, sorted(indices)) for fault, indices in found.items()), key=lambda item: (-len(item[1]), item[0])
    )

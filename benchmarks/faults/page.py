"""The page of the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .faults import KINDS
from .measure import Row
from .twins import TWINS

INTRODUCTION = """\
# Faults put in on purpose, and the modules that `hpass compare` names

`python -m benchmarks.faults --cache FOLDER -o docs/results/faults.md` writes this page. It puts a fault into an export:
a weight changed, a kernel transposed, another epsilon, a mask inverted, an overflow in float16, a wrong axis, or a
constant of a module changed. Then it compares the export without the fault with four twins of the export with it: as it
is, simplified by onnxslim, converted to float16, and quantised by onnxruntime's `quantize_dynamic`. The exports are of
models with random weights, each by both exporters of PyTorch. The models are spread evenly over those in the folder.

A fault counts if it lowers the ratio of its module, fed with the inputs of the other model, by at least 10 dB against
the same twin without the fault: otherwise the conversion itself hides it. An overflow is one in the twin in float16
only. *Named first* is the number of faults whose module, and no other, `hpass compare` names. The last two columns are
of twins without a fault.
"""


def page(rows: Sequence[Row]) -> str:
    """Return the results as Markdown."""
    faulted = [row for row in rows if row.module is not None]
    files = len({row.file for row in rows})
    lines = [INTRODUCTION, f"{files} files, {len({(row.file, row.kind, row.what) for row in faulted})} faults.", ""]
    lines += ["| twin | counted | named first | not counted | failed | unfaulted | nothing blamed |"]
    lines += ["|---|--:|--:|--:|--:|--:|--:|"]
    for twin in TWINS:
        of_twin = [row for row in faulted if row.twin == twin]
        counted = [row for row in of_twin if row.counts and row.error is None]
        others = [row for row in rows if row.module is None and row.twin == twin and row.error is None]
        failed = sum(row.error is not None for row in of_twin)
        lines.append(
            f"| {twin} | {len(counted)} | {_right(counted)} | {len(of_twin) - len(counted) - failed} | {failed} | "
            f"{len(others)} | {_right(others)} |"
        )
    lines += ["", "| fault | counted | named first |", "|---|--:|--:|"]
    for kind in KINDS:
        counted = [row for row in faulted if row.kind == kind and row.counts and row.error is None]
        lines.append(f"| {kind} | {len(counted)} | {_right(counted)} |")
    wrong = [row for row in rows if not row.is_right and (row.module is None or row.counts)]
    lines += [
        "",
        "Wrong:",
        "",
        "| file | twin | fault | module | named | local | without | outputs |",
        "|---|---|---|---|---|--:|--:|--:|",
    ]
    lines += [
        f"| {row.file} | {row.twin} | {row.kind} {row.what} | {row.module} | {row.error or row.first} | "
        f"{_db(row.local)} | {_db(row.local_without)} | {_db(row.outputs)} |"
        for row in wrong
    ]
    return "\n".join((*lines, ""))


def _right(rows: Iterable[Row]) -> int:
    return sum(row.is_right for row in rows)


def _db(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.0f}"

"""The page of the results."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .measure import KILLS, Row

INTRODUCTION = """\
# Thousands of models

Made by `python -m benchmarks.fleets -o docs/results/fleets.md`, all on one machine. The models are the fixtures of less
than 130 KB, each under many names and with another text that documents it. They are tagged by `hpass run FOLDER -o OUT`
with two processes (`--jobs 2`), with a Dask cluster of a scheduler and two workers (`--cluster`), and from a bucket to
another with two processes (`--jobs 2`); the S3 server is one process of moto, which keeps all objects in memory. All
runs have a manifest. The time is that of the whole process, and the memory the peak of the process that hands out the
models.

When half of the models are done, SIGKILL ends nothing, one of the two workers, or the process that hands out the
models; in this last case the same command is run again, and the time is that of both. Then these are counted: the lines
of the manifest, the models in these lines, the outputs, and the outputs that are those of the first run byte for byte.
*Load* is the load average of the machine over the last five minutes of the run.
"""


def page(rows: Sequence[Row]) -> str:
    """Return the results as Markdown."""
    lines = [
        INTRODUCTION,
        f"{os.cpu_count()} cores.",
        "",
        "| how | killed | models | models a second | memory | lines | models in them | outputs | equal | load |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in sorted(rows, key=lambda row: (_first(rows, row.way), KILLS.index(row.killed))):
        counts = f"{row.lines:,} | {row.models:,} | {row.outputs:,} | {row.same:,}"
        speed = f"{row.files / row.seconds:.0f} | {row.memory >> 20} MB"
        lines.append(f"| {row.way} | {row.killed} | {row.files:,} | {speed} | {counts} | {row.load:.1f} |")
    return "\n".join((*lines, ""))


def _first(rows: Sequence[Row], way: str) -> int:
    return next(index for index, row in enumerate(rows) if row.way == way)

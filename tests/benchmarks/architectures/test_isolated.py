from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.architectures.isolated import Record, run_isolated


def works() -> Record:
    return {"nodes": 3}


def crashes() -> Record:
    os._exit(7)


def never_ends() -> Record:
    while True:
        pass


@pytest.mark.parametrize(
    ("work", "record"),
    [
        (works, {"nodes": 3}),
        (crashes, {"stage": "crash", "failure": "the process ended with 7"}),
        (never_ends, {"stage": "limit", "failure": "over the limit of 1 s of the processor"}),
    ],
)
def test_the_record_says_how_a_process_ended(work: Callable[[], Record], record: Record, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    assert run_isolated(work, file, 1) == record
    assert file.is_file()

"""What the command line does around a run, for one file and for several."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import hpass
from hpass.cli.batch import _pool
from hpass.cli.run_job import Job, run_job


@dataclass(frozen=True)
class Chatter(hpass.Pass):
    """Print to standard output, where only results belong."""

    name: ClassVar[str] = "chatter"

    def apply(self, context: hpass.Context) -> None:  # noqa: ARG002 - it only talks
        print("chatter")  # noqa: T201 - this is the point


def test_what_a_pass_prints_is_no_result(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_job(Job(model, model.with_name("out.onnx"), hpass.Pipeline((Chatter(),))))

    assert capsys.readouterr() == ("", "chatter\n")


def test_processes_side_by_side_do_not_look_for_garbage() -> None:
    with _pool(1) as pool:
        assert not pool.submit(gc.isenabled).result(timeout=60)

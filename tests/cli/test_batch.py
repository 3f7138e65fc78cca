"""What the command line does around a run, for one file and for several."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import hpass
from hpass.cli.batch import _pool
from hpass.cli.run_job import run_job
from hpass.cli.run_options import RunOptions
from hpass.cli.tagging_options import TaggingOptions


@dataclass(frozen=True)
class Chatter(hpass.Pass):
    """Print to standard output, where only results belong."""

    name: ClassVar[str] = "chatter"

    def apply(self, context: hpass.Context) -> None:  # noqa: ARG002 - it only talks
        print("chatter")  # noqa: T201 - this is the point


def _options(*sources: Path, passes: str = "all") -> RunOptions:
    return RunOptions(sources=list(sources), tagging=TaggingOptions(passes=passes))


def test_what_a_pass_prints_is_no_result(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpass.registry.PassRegistry.__getitem__", lambda *_: Chatter)
    monkeypatch.setattr("hpass.registry.PassRegistry.__contains__", lambda *_: True)

    run_job(_options(model, passes="chatter"), model, model.with_name("out.onnx"))

    assert capsys.readouterr() == ("", "chatter\n")


def test_processes_side_by_side_do_not_look_for_garbage(model: Path) -> None:
    with _pool(1, _options(model)) as pool:
        assert not pool.submit(gc.isenabled).result(timeout=60)

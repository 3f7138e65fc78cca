"""What the command line does around a run, for one file and for several."""

from __future__ import annotations

import gc
import shutil
import signal
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import hpass
from hpass.batch.dask_cluster import installed_version
from hpass.cli import batch
from hpass.cli.batch import _pool
from hpass.cli.outcome import Outcome
from hpass.cli.run_job import run_job
from hpass.cli.run_options import RunOptions
from hpass.cli.signals import Terminated
from hpass.cli.tagging_options import TaggingOptions
from hpass.cli.worker import tag_on_worker


@dataclass(frozen=True)
class Chatter(hpass.Pass):
    """Print to standard output, where only results belong."""

    name: ClassVar[str] = "chatter"

    def apply(self, context: hpass.Context) -> None:  # noqa: ARG002 - it only talks
        print("chatter")  # noqa: T201 - this is the point


def _options(*sources: Path, passes: str = "all") -> RunOptions:
    return RunOptions(sources=list(map(str, sources)), tagging=TaggingOptions(passes=passes))


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


def test_a_process_without_a_job_ends_at_once_if_it_is_terminated(model: Path) -> None:
    with _pool(1, _options(model)) as pool:
        assert pool.submit(signal.getsignal, signal.SIGTERM).result(timeout=60) is signal.SIG_DFL
        assert pool.submit(batch._try_or_exit, model, model.with_name("out.onnx")).result(timeout=60).status == 0
        assert pool.submit(signal.getsignal, signal.SIGTERM).result(timeout=60) is signal.SIG_DFL


@pytest.mark.parametrize("moment", ["garbage_freed", "try_job"])
def test_a_process_that_is_terminated_takes_no_other_job(
    model: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class LeftError(Exception):
        """The process has ended."""

    def terminate(*_: object) -> None:
        raise Terminated(signal.SIGTERM)

    def leave(_: int) -> None:
        raise LeftError

    for name in ("raise_on_termination", "try_job"):
        monkeypatch.setattr(batch, name, lambda *_: None)
    monkeypatch.setattr(batch, "_options", _options(model), raising=False)
    monkeypatch.setattr(batch, moment, terminate)
    monkeypatch.setattr(batch, "os", SimpleNamespace(_exit=leave))

    with pytest.raises(LeftError):
        batch._try_or_exit(model, model.with_name("out.onnx"))


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of objects which each garbage collection examines."""
    found: list[int] = []
    collect = gc.collect

    def count() -> int:
        found.append(len(gc.get_objects()))
        return collect()

    monkeypatch.setattr("gc.collect", count)
    return found


@pytest.mark.parametrize("line", [[], ["--json"], ["-v"]])
def test_the_work_per_file_does_not_grow_with_their_number(
    hpass: Any, model: Path, examined: list[int], line: list[str]
) -> None:
    """What the collector looks at after each file is what that file left, not what all files before it left."""
    sources = [shutil.copy(model, model.with_name(f"{number}.onnx")) for number in range(12)]

    assert hpass("run", *sources, *line).status == 0

    assert len(examined) == 12
    assert max(examined[4:]) < 1.5 * min(examined[1:])


def test_a_worker_looks_at_no_garbage_of_others(model: Path, examined: list[int]) -> None:
    """A worker of a cluster has many objects that are not of the file, and its own thresholds."""
    others = [[number] for number in range(300_000)]
    gc.enable()

    tag_on_worker(_options().for_workers(), installed_version(), model, model.with_name("out.onnx"))

    assert len(examined) == 1
    assert examined[0] < len(others)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_an_outcome_is_not_kept(hpass: Any, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [shutil.copy(model, model.with_name(f"{number}.onnx")) for number in range(4)]
    kept: list[weakref.ref[Outcome]] = []
    alive: list[int] = []

    def remember(options: RunOptions, source: Path, target: Path) -> Outcome:
        outcome = run_job(options, source, target)
        alive.append(sum(other() is not None for other in kept))
        kept.append(weakref.ref(outcome))
        return outcome

    monkeypatch.setattr("hpass.cli.batch.try_job", remember)

    assert hpass("run", *sources, "--json").status == 0

    assert max(alive) <= 1

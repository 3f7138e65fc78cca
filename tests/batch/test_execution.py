"""Every task has a result, whichever process dies and in whatever order they are ready."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.batch.execution import TaskRunner
from hpass.batch.order import in_order
from hpass.batch.task import Task

OUT = Path("out")


class LostError(Exception):
    """The process of one task died."""


class Immediate(Executor):
    """An executor that runs each call at once. A call that raises BrokenExecutor breaks it."""

    def __init__(self) -> None:
        self.is_broken = False

    def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: object) -> Future[object]:
        if self.is_broken:
            raise BrokenExecutor
        future: Future[object] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as executors do
            self.is_broken |= isinstance(error, BrokenExecutor)
            future.set_exception(error)
        return future


def tasks(count: int) -> list[Task]:
    return [Task(Path(str(number)), OUT) for number in range(count)]


def die_if(deadly: str, source: Path, _target: Path) -> str:
    if source.name == deadly:
        os._exit(7)
    time.sleep(0.01)
    return source.name


def test_a_process_that_dies_costs_its_own_task_alone() -> None:
    runner = TaskRunner(partial(die_if, "3"), lambda: ProcessPoolExecutor(2, get_context("spawn")), submitted=2)

    results = dict(runner.run(tasks(6)))

    assert results == {task: None if task.source.name == "3" else task.source.name for task in tasks(6)}


def test_the_result_of_a_task_that_was_interrupted_is_not_late() -> None:
    """Whoever prints results in order keeps those that come before it."""
    runner = TaskRunner(partial(die_if, "0"), lambda: ProcessPoolExecutor(1, get_context("spawn")), submitted=2)

    names = [task.source.name for task, _ in runner.run(tasks(6))]

    assert names.index("0") < 2


def test_threads_will_do() -> None:
    runner = TaskRunner(lambda source, _: source.name, lambda: ThreadPoolExecutor(3), submitted=6)

    assert dict(runner.run(tasks(50))) == {task: task.source.name for task in tasks(50)}


@given(
    st.lists(st.sampled_from(["fine", "breaks", "breaks once", "lost", "lost once"]), max_size=12), st.integers(1, 5)
)
def test_whatever_dies_every_task_is_there_once(kinds: list[str], submitted: int) -> None:
    tried: set[Path] = set()

    def work(source: Path, _target: Path) -> str:
        kind = kinds[int(source.name)]
        if kind != "fine" and not (kind.endswith("once") and source in tried):
            tried.add(source)
            raise BrokenExecutor if kind.startswith("breaks") else LostError
        return kind

    runner = TaskRunner(work, lambda: nullcontext(Immediate()), submitted, died=(BrokenExecutor, LostError))

    results = list(runner.run(tasks(len(kinds))))

    assert sorted(int(task.source.name) for task, _ in results) == list(range(len(kinds)))
    for task, result in results:
        kind = kinds[int(task.source.name)]
        assert result == (None if kind in {"breaks", "lost"} else kind)


def test_an_executor_that_is_broken_from_the_start_is_an_error() -> None:
    executor = Immediate()
    executor.is_broken = True

    with pytest.raises(BrokenExecutor):
        list(TaskRunner(lambda *_: None, lambda: nullcontext(executor), submitted=2).run(tasks(2)))


def test_what_the_work_raises_is_raised() -> None:
    def work(_source: Path, _target: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(TaskRunner(work, lambda: nullcontext(Immediate()), submitted=2).run(tasks(2)))


@given(st.permutations(range(8)))
def test_results_come_in_the_order_of_the_tasks(order: list[int]) -> None:
    names = tasks(8)

    assert list(in_order(names, [(names[number], number) for number in order])) == list(range(8))

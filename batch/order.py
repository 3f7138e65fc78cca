"""Bring results that come in any order into the order of their tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from .task import Task

Result = TypeVar("Result")


def in_order(tasks: Sequence[Task], results: Iterable[tuple[Task, Result]]) -> Iterator[Result]:
    """Yield the result of each task in the order of the tasks. A result that comes early is kept until its turn."""
    early: dict[Task, Result] = {}
    turns = deque(tasks)
    for task, result in results:
        early[task] = result
        while turns and turns[0] in early:
            yield early.pop(turns.popleft())

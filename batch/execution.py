"""Run the tasks of a batch on an executor. A process that dies costs at most the task that it died of."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from .task import Task

Result = TypeVar("Result")


@dataclass(frozen=True)
class TaskRunner(Generic[Result]):
    """Calls `work(source, target)` for each task on a `concurrent.futures.Executor`.

    `open_executor` returns a context with an executor; it is called again if the executor is broken. At most
    `submitted` tasks are with the executor at once. An exception of a type in `died` says that the process of a task
    died.
    """

    work: Callable[..., Result]
    open_executor: Callable[[], AbstractContextManager[Executor]]
    submitted: int
    died: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | None]]:
        """Yield each task with its result, in the order in which they are ready.

        All tasks that a process may have died of run again, one at a time, when no other runs; the result of a task
        whose process dies again is None. Raises what `work` raises, and BrokenExecutor if an executor takes no task at
        all.
        """
        waiting = deque(tasks)
        while waiting:
            retries: list[Task] = []
            with self.open_executor() as executor:
                yield from self._run_until_broken(executor, waiting, retries)
            for task in retries:
                yield task, self._run_alone(task)

    def _run_alone(self, task: Task) -> Result | None:
        with self.open_executor() as executor:
            try:
                return executor.submit(self.work, *task).result()
            except self.died:
                return None

    def _run_until_broken(
        self, executor: Executor, waiting: deque[Task], retries: list[Task]
    ) -> Iterator[tuple[Task, Result]]:
        """Take tasks from `waiting` and yield their results until none is left, or until the executor is broken.

        Tasks that a process may have died of are added to `retries`.
        """
        running: dict[Future[Result], Task] = {}
        ready: SimpleQueue[Future[Result]] = SimpleQueue()
        count = len(waiting)
        is_broken = False
        while running or (waiting and not is_broken):
            while waiting and len(running) < self.submitted and not is_broken:
                try:
                    future = executor.submit(self.work, *waiting[0])
                except BrokenExecutor:
                    if len(waiting) == count:
                        raise
                    is_broken = True
                else:
                    running[future] = waiting.popleft()
                    future.add_done_callback(ready.put)
            if running:
                future = ready.get()
                # Removed, because a future holds a reference to its result.
                task = running.pop(future)
                try:
                    result = future.result()
                except self.died as error:
                    is_broken |= isinstance(error, BrokenExecutor)
                    retries.append(task)
                else:
                    del future
                    yield task, result

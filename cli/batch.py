"""Tag several files, one after the other or in parallel processes."""

from __future__ import annotations

import gc
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from ..batch.dask_cluster import TASKS_SUBMITTED, dask_executor, installed_version, worker_died
from ..batch.execution import TaskRunner
from ..batch.manifest import Manifest
from ..batch.order import in_order
from ..batch.resume import Resume
from .exit_codes import BAD_MODEL, BAD_USAGE, DONE, FOUND_ERRORS
from .garbage import garbage_freed
from .outcome import Outcome
from .output import BatchPrinter
from .progress import ProgressBar
from .run_job import try_job
from .signals import Terminated, end_on_termination, raise_on_termination
from .streams import log
from .worker import tag_on_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from ..batch.location import Location
    from ..batch.task import Task
    from .run_options import RunOptions

# An untagged file is worse than a tagged file with validation errors.
_SEVERITY = (DONE, FOUND_ERRORS, BAD_USAGE, BAD_MODEL)
# Enough that no process waits for work, and few that run again if one dies.
_TASKS_PER_PROCESS = 2


def run_all(options: RunOptions) -> int:
    """Tag several files, print the outcomes in order, and return the worst exit code.

    An error in one file does not stop the others. The parent process keeps only one row of the table per file. Files
    that are done according to the manifest are left out, but their exit codes count.
    """
    # Read once before the first file, so that an invalid table is an error of the command and not of each file.
    _ = options.table
    _ = options.tagging.model_export
    if options.output is not None and not options.in_place:
        _make_folders(options.tasks)
    if options.manifest is None:
        return _run(options, options.tasks)
    with Manifest(options.manifest, options.settings) as manifest:
        resume = Resume(manifest, options.tasks)
        if resume.finished:
            log(f"{len(resume.finished):,} of {len(options.tasks):,} models are done according to {options.manifest}")
        status = max((entry.status for entry in resume.finished), key=_SEVERITY.index, default=DONE)
        return max(status, _run(options, resume.unfinished, partial(_add, resume)), key=_SEVERITY.index)


def _make_folders(tasks: Sequence[Task]) -> None:
    """Create the folders below the output folder."""
    for folder in {task.target.parent for task in tasks if isinstance(task.target, Path)}:
        folder.mkdir(parents=True, exist_ok=True)


def _add(resume: Resume, task: Task, outcome: Outcome) -> None:
    seconds = None if outcome.tagged_file is None else sum(time.seconds for time in outcome.tagged_file.times)
    resume.add(task, outcome.status, outcome.error, seconds)


def _run(
    options: RunOptions, tasks: Sequence[Task], done: Callable[[Task, Outcome], None] = lambda _task, _outcome: None
) -> int:
    """Tag files. `done` is called as soon as one is, and the outcomes are printed in the order of the tasks."""
    status = DONE
    names = iter([task.source.name for task in tasks])
    outcomes = in_order(tasks, _outcomes(options, tasks, done))
    with ProgressBar(len(tasks)) as progress, BatchPrinter(options) as printer:
        progress.start_step(next(names, ""))
        for outcome in outcomes:
            progress.start_step(next(names, ""))
            with progress.paused():
                printer.print(outcome)
            status = max(status, outcome.status, key=_SEVERITY.index)
    return status


def _outcomes(
    options: RunOptions, tasks: Sequence[Task], done: Callable[[Task, Outcome], None]
) -> Iterator[tuple[Task, Outcome]]:
    """Yield each task with its outcome as soon as there is one."""
    if options.cluster is not None:
        outcomes: Iterable[tuple[Task, Outcome | None]] = _run_on_cluster(options.cluster, options, tasks)
    elif options.jobs == 1:
        outcomes = _run_here(options, tasks)
    else:
        count = min(options.jobs, len(tasks))
        runner = TaskRunner(_try_or_exit, partial(_pool, count, options), submitted=_TASKS_PER_PROCESS * count)
        outcomes = runner.run(tasks)
    for task, outcome in outcomes:
        known = _died(task) if outcome is None else outcome
        done(task, known)
        yield task, known


def _run_on_cluster(address: str, options: RunOptions, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome | None]]:
    work = partial(tag_on_worker, options.for_workers(), installed_version())
    with dask_executor(address) as executor:
        yield from TaskRunner(work, lambda: nullcontext(executor), TASKS_SUBMITTED, worker_died()).run(tasks)


def _died(task: Task) -> Outcome:
    error = f"{task.source}: the process that read it died; the file may be malicious"
    return Outcome(task.source, BAD_MODEL, error=error)


def _run_here(options: RunOptions, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
    for task in tasks:
        with garbage_freed():
            yield task, try_job(options, *task)


class _Pool(ProcessPoolExecutor):
    """Processes that ignore Ctrl-C. The terminal sends it to all processes; the parent ends the others."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call. The process for it may be started here, and inherits what it ignores."""
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.signal(signal.SIGINT, previous)


@contextmanager
def _pool(process_count: int, options: RunOptions) -> Generator[ProcessPoolExecutor]:
    # Not fork: the parent process has threads.
    context = get_context("spawn")
    with _Pool(process_count, context, initializer=_prepare_process, initargs=(options,)) as pool:
        try:
            yield pool
        except (KeyboardInterrupt, GeneratorExit):
            for child in active_children():
                child.terminate()
            # Without waiting, the interpreter reports the pool's half-closed pipes when it exits.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _prepare_process(options: RunOptions) -> None:
    """Prepare a process of the pool: its options, no garbage collection, as in `main`, and its end."""
    global _options  # noqa: PLW0603 - sent once per process, not once per file: it lists all files
    _options = options
    gc.disable()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent has ended. If that was killed, the pool has told nobody to stop."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


_options: RunOptions


def _try_or_exit(source: Location, target: Location) -> Outcome:
    try:
        # Only now: a process without a job has nothing to remove, and what it raises is printed.
        raise_on_termination()
        with garbage_freed():
            return try_job(_options, source, target)
    except Terminated:
        # The stack is unwound and temporary files are removed. Without this the pool would start the next job.
        os._exit(1)
    finally:
        end_on_termination()

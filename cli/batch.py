"""Tag several files, one after the other or in parallel processes."""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import TYPE_CHECKING

from .exit_codes import BAD_MODEL, BAD_USAGE, DONE, FOUND_ERRORS
from .output import BatchPrinter
from .progress import ProgressBar
from .run_job import Outcome, try_job
from .signals import Terminated, raise_on_termination

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from .run_options import RunOptions

# An untagged file is worse than a tagged file with validation errors.
_SEVERITY = (DONE, FOUND_ERRORS, BAD_USAGE, BAD_MODEL)


def run_all(options: RunOptions) -> int:
    """Tag several files, print the outcomes in order, and return the worst exit code.

    An error in one file does not stop the others. The parent process keeps only one row of the table per file.
    """
    status = DONE
    names = iter([source.name for source in options.sources])
    # Read once before the first file, so that an invalid table is an error of the command and not of each file.
    _ = options.table
    _ = options.tagging.model_export
    outcomes = _run_here(options) if options.jobs == 1 else _run_in_processes(options)
    with ProgressBar(len(options.sources)) as progress, BatchPrinter(options) as printer:
        progress.start_step(next(names))
        for outcome in outcomes:
            progress.start_step(next(names, ""))
            with progress.paused():
                printer.print(outcome)
            status = max(status, outcome.status, key=_SEVERITY.index)
    return status


def _run_here(options: RunOptions) -> Iterator[Outcome]:
    for source, target in zip(options.sources, options.targets, strict=True):
        yield try_job(options, source, target)
        free_graphs()


def free_graphs() -> None:
    """Free the graphs of a finished run. They contain reference cycles, and automatic garbage collection is off.

    The remaining objects are frozen, so that later collections do not examine them again.
    """
    gc.collect()
    gc.freeze()


def _run_in_processes(options: RunOptions) -> Iterator[Outcome]:
    jobs = list(zip(options.sources, options.targets, strict=True))
    with _pool(min(options.jobs, len(jobs)), options) as pool:
        with _ignore_sigint():
            futures = deque(pool.submit(_try_or_exit, *job) for job in jobs)
        try:
            for job in jobs:
                # Removed from the queue, because a future holds a reference to its result.
                yield _outcome(futures.popleft(), options, *job)
        except (KeyboardInterrupt, GeneratorExit):
            for child in active_children():
                child.terminate()
            # Without waiting, the interpreter reports the pool's half-closed pipes when it exits.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _outcome(future: Future[Outcome], options: RunOptions, source: Path, target: Path) -> Outcome:
    """Return the outcome of a file. If the pool is broken because a process died, run the file again on its own."""
    try:
        return future.result()
    except BrokenProcessPool:
        pass
    with _pool(1, options) as pool:
        try:
            return pool.submit(_try_or_exit, source, target).result()
        except BrokenProcessPool:
            error = f"{source}: the process that read it died; the file may be malicious"
            return Outcome(source, BAD_MODEL, error=error)


def _pool(process_count: int, options: RunOptions) -> ProcessPoolExecutor:
    # Not fork: the parent process has threads.
    context = get_context("spawn")
    return ProcessPoolExecutor(process_count, context, initializer=_prepare_process, initargs=(options,))


@contextmanager
def _ignore_sigint() -> Generator[None]:
    """Start processes that ignore Ctrl-C. The terminal sends it to all processes; the parent ends the others."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _prepare_process(options: RunOptions) -> None:
    """Prepare a process of the pool: its options, and no garbage collection, as in `main`."""
    global _options  # noqa: PLW0603 - sent once per process, not once per file: it lists all files
    _options = options
    gc.disable()


_options: RunOptions


def _try_or_exit(source: Path, target: Path) -> Outcome:
    try:
        # Only now: a process without a job has nothing to remove, and the pool prints what its initializer raises.
        raise_on_termination()
        free_graphs()
        return try_job(_options, source, target)
    except Terminated:
        # The stack is unwound and temporary files are removed. Without this the pool would start the next job.
        os._exit(1)

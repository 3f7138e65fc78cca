"""Tag several files, one after the other or in parallel processes."""

from __future__ import annotations

import gc
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import TYPE_CHECKING

from .exit_codes import BAD_MODEL, DONE, FOUND_ERRORS
from .progress import ProgressBar
from .run_job import Job, Outcome, try_job

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from types import FrameType

    from .output import Printer


def run_all(jobs: Sequence[Job], process_count: int, printer: Printer) -> int:
    """Tag several files in `process_count` processes, print the outcomes in order, and return the worst exit code.

    An error in one file does not stop the others.
    """
    outcomes: list[Outcome] = []
    names = [job.source.name for job in jobs]
    with ProgressBar(len(jobs)) as progress:
        progress.start_step(names[0])
        for outcome in map(try_job, jobs) if process_count == 1 else _run_in_processes(jobs, process_count):
            outcomes.append(outcome)
            # Graphs contain reference cycles, and automatic garbage collection is off.
            gc.collect()
            progress.start_step((*names, "")[len(outcomes)])
            if outcome.error:
                with progress.paused():
                    printer.print_error(outcome)
    printer.print_all(outcomes)
    # An untagged file is worse than a tagged file with validation errors.
    return max((outcome.status for outcome in outcomes), key=(DONE, FOUND_ERRORS, BAD_MODEL).index)


def _run_in_processes(jobs: Sequence[Job], process_count: int) -> Iterator[Outcome]:
    with _pool(min(process_count, len(jobs))) as pool:
        with _ignore_sigint():
            futures = [pool.submit(_try_or_exit, job) for job in jobs]
        try:
            for job, future in zip(jobs, futures, strict=True):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    # One dead process breaks the whole pool. Run on its own, only the file that caused it fails.
                    yield _rerun_alone(job)
        except (KeyboardInterrupt, GeneratorExit):
            for child in active_children():
                child.terminate()
            # Without waiting, the interpreter reports the pool's half-closed pipes when it exits.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _rerun_alone(job: Job) -> Outcome:
    with _pool(1) as pool:
        try:
            return pool.submit(_try_or_exit, job).result()
        except BrokenProcessPool:
            return Outcome(
                job, BAD_MODEL, error=f"{job.source}: the process that read it died; the file may be malicious"
            )


def _pool(process_count: int) -> ProcessPoolExecutor:
    # Not fork: the parent process has threads.
    return ProcessPoolExecutor(process_count, mp_context=get_context("spawn"), initializer=_prepare_process)


@contextmanager
def _ignore_sigint() -> Generator[None]:
    """Start processes that ignore Ctrl-C. The terminal sends it to all processes; the parent ends the others."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _prepare_process() -> None:
    """Prepare a process of the pool: no garbage collection, as in `main`, and a clean exit if it is terminated."""
    gc.disable()

    def exit_process(_number: int, _frame: FrameType | None) -> None:
        sys.exit()

    signal.signal(signal.SIGTERM, exit_process)


def _try_or_exit(job: Job) -> Outcome:
    # Graphs are reference cycles, and automatic collection is disabled: this frees the memory of the job before.
    gc.collect()
    try:
        return try_job(job)
    except SystemExit:
        # The stack is unwound and temporary files are removed. Without this the pool would start the next job.
        os._exit(1)

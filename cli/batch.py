"""Tagging several files, one after the other or side by side in processes of their own."""

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
from .progress import Progress
from .run_job import Job, Outcome, try_job

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from types import FrameType

    from .output import Printer


def run_all(jobs: Sequence[Job], processes: int, teller: Printer) -> int:
    """Tag several files, `processes` side by side, tell about them in order, and return the worst status.

    No file stops the others, whatever is wrong with it.
    """
    outcomes: list[Outcome] = []
    names = [job.source.name for job in jobs]
    with Progress(len(jobs)) as progress:
        progress.begin(names[0])
        for outcome in map(try_job, jobs) if processes == 1 else _side_by_side(jobs, processes):
            outcomes.append(outcome)
            # Graphs hold themselves, and the collector is off.
            gc.collect()
            progress.begin((*names, "")[len(outcomes)])
            if outcome.error:
                teller.print_error(outcome)
    teller.print_all(outcomes)
    # A file that could not be tagged is worse than one that was, with errors found.
    return max((outcome.status for outcome in outcomes), key=(DONE, FOUND_ERRORS, BAD_MODEL).index)


def _side_by_side(jobs: Sequence[Job], processes: int) -> Iterator[Outcome]:
    with _pool(min(processes, len(jobs))) as pool:
        with _ignore_sigint():
            futures = [pool.submit(_attempt_or_leave, job) for job in jobs]
        try:
            for job, future in zip(jobs, futures, strict=True):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    # A process that died took all others along; alone, only the guilty file fails.
                    yield _alone(job)
        except (KeyboardInterrupt, GeneratorExit):
            for child in active_children():
                child.terminate()
            # Waited for, or the interpreter finds the pool's pipes half closed at its end.
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _alone(job: Job) -> Outcome:
    with _pool(1) as pool:
        try:
            return pool.submit(_attempt_or_leave, job).result()
        except BrokenProcessPool:
            return Outcome(
                job, BAD_MODEL, error=f"{job.source}: the process that read it died; the file may be hostile"
            )


def _pool(processes: int) -> ProcessPoolExecutor:
    # Not forked: the parent has threads.
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_clean_up_when_terminated)


@contextmanager
def _ignore_sigint() -> Generator[None]:
    """Start processes that take no notice of Ctrl-C, which the terminal sends to all: the first one ends the others."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heard)


def _clean_up_when_terminated() -> None:
    def unwind(_number: int, _frame: FrameType | None) -> None:
        sys.exit()

    signal.signal(signal.SIGTERM, unwind)


def _attempt_or_leave(job: Job) -> Outcome:
    try:
        return try_job(job)
    except SystemExit:
        # Everything is unwound and cleaned up; the pool would go on with the next job.
        os._exit(1)

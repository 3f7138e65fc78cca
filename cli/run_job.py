"""Tagging one file: what was asked for, and what became of it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from ..api import load
from ..api import run as run_passes
from ..errors import HpassError
from ..graph.files.atomic_write import atomic_write
from ..graph.files.external_data import ExternalDataMode
from ..observers import observe
from ..reporting.totals import totals
from .exit_codes import BAD_MODEL, DONE, FOUND_ERRORS
from .summary import TaggedFile, Timed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..api import Run
    from ..pipeline import Pipeline
    from ..tags.module_table import ModuleTable
    from .progress import Progress


@dataclass(frozen=True)
class Job:
    """One file to tag, and all that was asked for."""

    source: Path
    target: Path
    pipeline: Pipeline
    modules: ModuleTable | None = None
    reference: Path | None = None
    retag: bool = False
    carry: ExternalDataMode = ExternalDataMode.COPY
    report: Path | None = None
    json: bool = False
    print_after: tuple[str, ...] = ()
    dump: Path | None = None
    stop_after: str | None = None
    verify_between: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a job: what it tells, or the error that ended it. `trace` is the traceback of a bug."""

    job: Job
    status: int
    tagged: TaggedFile | None = None
    json: str = ""
    error: str = ""
    trace: str = ""


def run_job(job: Job, progress: Progress | None = None) -> Outcome:
    """Tag one file and write what was asked for. Raises HpassError for what a user can mend."""
    look = observe(
        job.pipeline,
        print_after=job.print_after,
        dump=job.dump,
        stop_after=job.stop_after,
        verify=job.verify_between,
        progress=None if progress is None else lambda name: progress.begin(name or "write"),
    )
    if job.report is not None and not job.report.parent.is_dir():
        raise HpassError(f"{job.report}: there is no folder {job.report.parent}; create it first")
    started = perf_counter()
    if progress is not None:
        progress.begin("open")
    model = load(job.source)
    opened = perf_counter()
    run = run_passes(model, job.pipeline, modules=job.modules, reference=job.reference, retag=job.retag, observer=look)
    finished = perf_counter()
    run.apply(edited=not run.context.graph_unchanged)
    model.save(job.target, job.carry)
    written = perf_counter()
    passes = [Timed(result.name, seconds) for result, seconds in zip(run.results, look.seconds, strict=True)]
    # Reading the reference, and tagging it where that is needed, comes before the first pass.
    paired = [Timed("reference", finished - opened - sum(look.seconds))] if job.reference else []
    times = [Timed("open", opened - started), *paired, *passes, Timed("write", written - finished)]
    tagged = TaggedFile(model.name, job.target, totals(run), tuple(run.findings), times)
    status = DONE if run.ok else FOUND_ERRORS
    return Outcome(job, status, tagged, _reported(job, run, look.seconds))


def try_job(job: Job) -> Outcome:
    """Tag one file; an error is an outcome too."""
    try:
        return run_job(job)
    except HpassError as error:
        return Outcome(job, BAD_MODEL, error=_naming(job, error))
    except Exception as error:  # noqa: BLE001 - a bug that one file shows must not stop the others
        return Outcome(job, BAD_MODEL, error=f"{job.source}: {error!r}", trace=traceback.format_exc())


def _reported(job: Job, run: Run, seconds: Sequence[float]) -> str:
    """Write the report file that was asked for and return the report as JSON, if that was."""
    if not job.json and job.report is None:
        return ""
    # Only here, because most runs want no report.
    from ..reporting.json_report import dumps, report
    from ..reporting.markdown import markdown

    document = report(run, seconds=seconds, output=str(job.target))
    if job.report is not None:
        text = markdown(run, document) if job.report.suffix == ".md" else dumps(document)
        try:
            with atomic_write(job.report) as file:
                file.write(text.encode())
        except OSError as error:
            raise HpassError(f"{job.report}: the report cannot be written ({error.strerror})") from error
    return dumps(document) if job.json else ""


def _naming(job: Job, error: HpassError) -> str:
    """Return the error with the file it is about, where it does not say so itself."""
    text = str(error)
    return text if str(job.source) in text else f"{job.source}: {text}"

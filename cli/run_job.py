"""Tag one file: the options of the run, and its outcome."""

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
from .streams import prints_to_stderr
from .summary import StepTime, TaggedFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..api import Run
    from ..pipeline import Pipeline
    from ..tags.module_table import ModuleTable
    from .progress import ProgressBar


@dataclass(frozen=True)
class Job:
    """One file to tag, and the options of its run."""

    source: Path
    target: Path
    pipeline: Pipeline
    modules: ModuleTable | None = None
    reference: Path | None = None
    retag: bool = False
    external_data: ExternalDataMode = ExternalDataMode.COPY
    report: Path | None = None
    json: bool = False
    print_after: tuple[str, ...] = ()
    dump: Path | None = None
    stop_after: str | None = None
    verify_between: bool = False


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job.

    `status` is the exit code. `tagged_file` is None and `error` is set if the file was not tagged; `traceback` is set
    if the reason is a bug. `json` is the report, empty unless it was requested.
    """

    job: Job
    status: int
    tagged_file: TaggedFile | None = None
    json: str = ""
    error: str = ""
    traceback: str = ""


def run_job(job: Job, progress: ProgressBar | None = None) -> Outcome:
    """Tag one file and write the model and its report. Raises HpassError if the input or an option is invalid."""
    observer = observe(
        job.pipeline,
        print_after=job.print_after,
        dump=job.dump,
        stop_after=job.stop_after,
        verify=job.verify_between,
        progress=None if progress is None else lambda name: progress.start_step(name or "write"),
    )
    if job.report is not None and not job.report.parent.is_dir():
        raise HpassError(f"{job.report}: the folder {job.report.parent} does not exist; create it first")
    started = perf_counter()
    if progress is not None:
        progress.start_step("open")
    model = load(job.source)
    opened = perf_counter()
    with prints_to_stderr():
        run = run_passes(
            model, job.pipeline, modules=job.modules, reference=job.reference, retag=job.retag, observer=observer
        )
    finished = perf_counter()
    run.apply(edited=not run.context.graph_unchanged)
    model.save(job.target, job.external_data)
    written = perf_counter()
    passes = [StepTime(result.name, seconds) for result, seconds in zip(run.results, observer.seconds, strict=True)]
    # The reference is read, and tagged if it has no tags, before the first pass.
    reference_time = [StepTime("reference", finished - opened - sum(observer.seconds))] if job.reference else []
    times = [StepTime("open", opened - started), *reference_time, *passes, StepTime("write", written - finished)]
    tagged_file = TaggedFile(model.name, job.target, totals(run), tuple(run.findings), times)
    status = DONE if run.ok else FOUND_ERRORS
    return Outcome(job, status, tagged_file, _write_report(job, run, observer.seconds))


def try_job(job: Job) -> Outcome:
    """Tag one file. Every exception becomes an outcome with `error` set."""
    try:
        return run_job(job)
    except HpassError as error:
        return Outcome(job, BAD_MODEL, error=_with_file_name(job, error))
    except Exception as error:  # noqa: BLE001 - a bug that one file shows must not stop the others
        return Outcome(job, BAD_MODEL, error=f"{job.source}: {error!r}", traceback=traceback.format_exc())


def _write_report(job: Job, run: Run, seconds: Sequence[float]) -> str:
    """Write the report file if the job has one; return the report as JSON text if `job.json`, else an empty string."""
    if not job.json and job.report is None:
        return ""
    # Imported here, because most runs write no report.
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


def _with_file_name(job: Job, error: HpassError) -> str:
    """Return the error message, with the path of the input in front unless the message contains it."""
    text = str(error)
    return text if str(job.source) in text else f"{job.source}: {text}"

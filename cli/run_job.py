"""Tag one file of `hpass run`."""

from __future__ import annotations

import traceback
from time import perf_counter
from typing import TYPE_CHECKING

from ..api import load
from ..api import run as run_passes
from ..batch.remote_files import local_files
from ..errors import HpassError, UsageError
from ..graph.files.external_data import ExternalDataMode
from ..graph.files.model_file import transaction_for
from ..observers import observe
from ..passes.findings import Severity
from ..reporting.minimum_shares import shortfalls
from ..reporting.totals import totals
from ..restore.reference_model import ReferenceModel
from .error_text import error_text
from .exit_codes import BAD_MODEL, BAD_USAGE, DONE, FOUND_ERRORS
from .outcome import Outcome
from .output import print_outcome
from .progress import ProgressBar
from .streams import prints_to_stderr, write_result
from .summary import StepTime, TaggedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..api import Run
    from ..batch.location import Location
    from .run_options import RunOptions


def run_alone(options: RunOptions) -> int:
    """Tag the only input, print its report or summary, and return the exit code. Raises as `run_job` does."""
    # Hidden with --print-after, because both write to standard error.
    with ProgressBar(len(options.pipeline.passes) + 2, hidden=bool(options.print_after)) as progress:

        def print_report(text: str) -> None:
            with progress.paused():
                write_result(*text.splitlines())

        outcome = run_job(options, *options.tasks[0], progress.start_step, print_report)
    print_outcome(outcome, options)
    return outcome.status


def run_job(
    options: RunOptions,
    source: Location,
    target: Location,
    start_step: Callable[[str], None] = lambda _: None,
    print_report: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Tag one file and write the model and its report.

    `start_step` is called with the name of each step. `print_report` is called with the report of `--json` before the
    model is written. If there is an exception, neither the model nor the report file is written.

    Raises HpassError if the input is invalid, and UsageError if external data would be overwritten.
    """
    observer = observe(
        options.pipeline,
        print_after=options.print_after or (),
        dump=options.dump,
        stop_after=options.stop_after,
        verify=options.verify_between,
        progress=lambda name: start_step(name or "write"),
    )
    if options.report is not None and not options.report.parent.is_dir():
        raise HpassError(f"{options.report}: the folder {options.report.parent} does not exist; create it first")
    table = options.table
    started = perf_counter()
    start_step("open")
    with local_files(source, target) as files:
        model = load(files.source)
        if files.source != source:
            model.name = str(source)
        opened = perf_counter()
        with prints_to_stderr():
            reference = options.tagging.open_reference(table)
            compared = perf_counter()
            uses = options.uses_of(files.source, files.target)
            uses.add_external_data(model, files.target, dump=options.dump)
            if isinstance(reference, ReferenceModel) and not reference.is_export:
                uses.add_external_data(reference.model, None)
            run = run_passes(
                model,
                options.pipeline,
                modules=table,
                reference=reference,
                retag=options.tagging.retag,
                observer=observer,
            )
        finished = perf_counter()
        # Before the tags are written: the nodes of functions have fewer entries to read.
        figures = totals(run)
        run.write_tags(edited=not run.context.graph_unchanged)
        for shortfall in shortfalls(options.minimum_shares, figures):
            run.context.findings.add(Severity.ERROR, "fail-under", shortfall)
        json_report, file_report = _reports(options, run, observer.seconds, target)
        # What is sent away is not copied before.
        mode = ExternalDataMode.LINK if files.is_uploaded else ExternalDataMode(options.external_data)
        with transaction_for(files.target) as transaction:
            if options.report is not None:
                transaction.write(options.report, lambda file: file.write(file_report.encode()))
            model.write(transaction, files.target, mode)
            if options.json:
                print_report(json_report)
    written = perf_counter()
    times = [
        StepTime("open", opened - started),
        *([] if reference is None else [StepTime("reference", compared - opened)]),
        *(StepTime(result.name, seconds) for result, seconds in zip(run.results, observer.seconds, strict=True)),
        StepTime("write", written - finished),
    ]
    tagged_file = TaggedFile(model.name, target, figures, tuple(run.findings), times)
    return Outcome(source, DONE if run.ok else FOUND_ERRORS, tagged_file, json_report)


def try_job(options: RunOptions, source: Location, target: Location) -> Outcome:
    """Tag one file. Every exception except KeyboardInterrupt becomes an outcome with `error` set."""
    try:
        return run_job(options, source, target)
    except HpassError as error:
        text = str(error)
        status = BAD_USAGE if isinstance(error, UsageError) else BAD_MODEL
        return Outcome(source, status, error=text if str(source) in text else f"{source}: {text}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a bug that one file shows must not stop the others
        text = error_text(error)
        trace = "" if text is not None else traceback.format_exc()
        return Outcome(source, BAD_MODEL, error=f"{source}: {text or repr(error)}", traceback=trace)


def _reports(options: RunOptions, run: Run, seconds: Sequence[float], target: Location) -> tuple[str, str]:
    """Return the JSON report and the text of the report file, each empty unless it is requested."""
    if not options.json and options.report is None:
        return "", ""
    # Imported here, because most runs write no report.
    from ..reporting.json_report import dumps, report
    from ..reporting.markdown import markdown

    document = report(run, seconds=seconds, output=str(target))
    text = dumps(document)
    is_markdown = options.report is not None and options.report.name.endswith(".md")
    return text if options.json else "", markdown(run, document) if is_markdown else text

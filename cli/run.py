"""`hpass run`: tag models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .completion import complete_pass
from .option_checks import check_options
from .output import Printer
from .paths import output_paths
from .progress import ProgressBar
from .shared_options import ExternalData, InPlace
from .tagging_options import TaggingOptions, with_tagging_options


@with_tagging_options
def run(
    sources: Annotated[list[Path], typer.Argument(metavar="IN.onnx...", help="The models; - is standard input.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="The output file, or a folder if there are several inputs."),
    ] = None,
    *,
    tagging: TaggingOptions,
    in_place: InPlace = False,
    external_data: ExternalData = "copy",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Number of files to process in parallel.")] = 1,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a report: .json or .md.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the whole report as JSON instead of the summary.")
    ] = False,
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Print the time that each step took.")] = False,
    print_after: Annotated[
        list[str] | None,
        typer.Option(
            "--print-after",
            metavar="PASS",
            autocompletion=complete_pass,
            help="Print the tagged graph to standard error after a pass; repeatable.",
        ),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option("--dump", metavar="DIR", help="Write the model to a folder after each pass."),
    ] = None,
    stop_after: Annotated[
        str | None,
        typer.Option(
            "--stop-after", metavar="PASS", autocompletion=complete_pass, help="Stop after a pass and write the model."
        ),
    ] = None,
    verify_between: Annotated[
        bool, typer.Option("--verify-between", help="Check after each pass that it changed only what it may change.")
    ] = False,
    verify_runtime: Annotated[
        bool,
        typer.Option("--verify-runtime", help="Compare the outputs of the model with and without tags in onnxruntime."),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Show all findings, and a full summary of each model if there are several."
        ),
    ] = False,
) -> int:
    """Tag every node with its PyTorch module.

    The result of model.onnx is written to model.tagged.onnx in the same folder.
    """
    targets = output_paths(sources, output, in_place=in_place)
    check_options(
        sources,
        targets,
        jobs=jobs,
        report=report,
        json=json,
        modules=tagging.modules,
        reference=tagging.reference,
        print_after=print_after,
        dump=dump,
    )
    pipeline = tagging.pipeline(verify_runtime=verify_runtime)
    table = tagging.table()

    from ..graph.files.external_data import ExternalDataMode
    from ..observers import check_names
    from .run_job import Job, run_job

    check_names(pipeline, print_after=print_after or (), stop_after=stop_after)
    job_list = [
        Job(
            source=source,
            target=target,
            pipeline=pipeline,
            modules=table,
            reference=tagging.reference,
            retag=tagging.retag,
            external_data=ExternalDataMode(external_data),
            report=report,
            json=json,
            print_after=tuple(print_after or ()),
            dump=dump,
            stop_after=stop_after,
            verify_between=verify_between,
        )
        for source, target in zip(sources, targets, strict=True)
    ]
    printer = Printer(json=json, time_passes=time_passes, verbose=verbose)
    if len(job_list) > 1:
        from .batch import run_all

        return run_all(job_list, jobs, printer)
    # Hidden with --print-after, because both write to standard error.
    with ProgressBar(len(pipeline.passes) + 2, hidden=bool(print_after)) as progress:
        outcome = run_job(job_list[0], progress)
    printer.print_outcome(outcome)
    return outcome.status

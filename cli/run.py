"""hpass run: tag models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .completion import complete_pass
from .option_checks import check_options
from .output import Printer
from .paths import tagged_outputs
from .progress import Progress
from .shared_options import ExternalData, InPlace
from .tagging_options import TaggingOptions, with_tagging_options


@with_tagging_options
def run(
    sources: Annotated[list[Path], typer.Argument(metavar="IN.onnx...", help="Models; - is standard input.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="Where to write; with several inputs a folder."),
    ] = None,
    *,
    tagging: TaggingOptions,
    in_place: InPlace = False,
    external_data: ExternalData = "copy",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="So many files side by side.")] = 1,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a report: .json or .md.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole report, not the summary.")] = False,
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Print how long each step took.")] = False,
    print_after: Annotated[
        list[str] | None,
        typer.Option(
            "--print-after",
            metavar="PASS",
            autocompletion=complete_pass,
            help="Print the tagged graph after a pass, to standard error.",
        ),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option("--dump", metavar="DIR", help="Write the model after each pass into a folder."),
    ] = None,
    stop_after: Annotated[
        str | None,
        typer.Option("--stop-after", metavar="PASS", autocompletion=complete_pass, help="End after a pass."),
    ] = None,
    verify_between: Annotated[
        bool, typer.Option("--verify-between", help="Check after each pass that it kept its promises.")
    ] = False,
    verify_runtime: Annotated[
        bool, typer.Option("--verify-runtime", help="Run the model before and after with onnxruntime.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show all findings; a full summary of each of several models."),
    ] = False,
) -> int:
    """Give every node the module it came from.

    model.onnx becomes model.tagged.onnx beside it.
    """
    targets = tagged_outputs(sources, output, in_place=in_place)
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
    work = [
        Job(
            source=source,
            target=target,
            pipeline=pipeline,
            modules=table,
            reference=tagging.reference,
            retag=tagging.retag,
            carry=ExternalDataMode(external_data),
            report=report,
            json=json,
            print_after=tuple(print_after or ()),
            dump=dump,
            stop_after=stop_after,
            verify_between=verify_between,
        )
        for source, target in zip(sources, targets, strict=True)
    ]
    teller = Printer(json=json, time_passes=time_passes, verbose=verbose)
    if len(work) > 1:
        from .batch import run_all

        return run_all(work, jobs, teller)
    with Progress(len(pipeline.passes) + 2) as progress:
        outcome = run_job(work[0], progress)
    teller.print_outcome(outcome)
    return outcome.status

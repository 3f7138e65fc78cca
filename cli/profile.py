"""`hpass profile`: where the time of a run goes, by module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from .dataclass_options import with_dataclass_options
from .exit_codes import DONE, INTERRUPTED
from .file_uses import FileUses
from .paths import parse_output
from .progress import ProgressBar
from .shared_options import Dimensions, Input, Json, Level
from .streams import log, uses_box_drawing, write_json, write_result
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from ..api import Run
    from ..profiling.profile import Profile

_DEFAULT_RUNS = 50
_PAGE = ".html"
# Opening a session, and the warm-up: the steps of the bar that are no measured runs.
_OTHER_STEPS = 3


@with_dataclass_options
def profile(
    source: Input,
    *,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Number of runs to measure.")] = _DEFAULT_RUNS,
    warmup: Annotated[
        int | None,
        typer.Option("--warmup", min=0, help="Number of runs before; by default until the time is stable."),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Number of threads inside an operator.")] = 1,
    level: Annotated[Level, typer.Option("--level", help="The optimisation level of onnxruntime.")] = "all",
    providers: Annotated[
        list[str] | None,
        typer.Option("--ep", metavar="NAME[:KEY=VALUE,...]", help="An execution provider; repeatable, in order."),
    ] = None,
    dims: Dimensions = None,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", metavar="FILE.npz", help="The inputs, as `hpass inputs` writes them.")
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Read this profile of onnxruntime or trtexec, or executable graph of OpenVINO, instead of measuring.",
        ),
    ] = None,
    optimized: Annotated[
        Path | None,
        typer.Option(
            "--optimized",
            metavar="FILE",
            help="The model that onnxruntime saved when it wrote the trace, or what trtexec --exportLayerInfo wrote.",
        ),
    ] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            parser=parse_output,
            metavar="OUT",
            help="Write the profile; the format by the ending: .json, .csv, .txt (collapsed stacks), .speedscope.json, "
            ".perfetto.json, .nodedata.json (Model Explorer), .netron.json, .html (the page of `hpass report`); "
            "repeatable.",
        ),
    ] = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> int:
    """Show where the time of a run in onnxruntime goes, by module.

    The model runs in a process of its own, without profiling and with it, on inputs that are made up unless --inputs
    names a file. Ctrl-C ends the measurement and shows what was measured.
    """
    uses = FileUses()
    uses.read(source, f"the input {source}")
    for path, role in ((inputs, "--inputs"), (trace, "--trace"), (optimized, "--optimized")):
        if path is not None:
            uses.read(path, f"{role} {path}")
    tagging.add_files(uses)
    for output in outputs or ():
        _check_format(output)
        uses.write(output, f"-o {output}")
    if optimized is not None and trace is None:
        raise UsageError("--optimized belongs to a trace; name the trace with --trace")

    from ..api import load
    from ..profile_model import profile as measured_profile
    from ..profile_model import profile_trace
    from ..running.settings import parse_dimensions

    sizes = parse_dimensions(dims or ())
    result: Profile
    if trace is not None:
        run = tagging.run(load(source))
        result = profile_trace(run, trace, optimised=optimized, warmup=warmup or 0)
    else:
        with ProgressBar(2 * runs + _OTHER_STEPS) as bar:
            bar.start_step("tag")
            run = tagging.run(load(source))
            result = measured_profile(
                run,
                runs=runs,
                warmup=warmup,
                threads=threads,
                level=level,
                providers=providers or (),
                sizes=sizes,
                inputs=inputs,
                step=bar.start_step,
            )
    for output in outputs or ():
        _write(result, run, output)
    if json:
        from ..profiling.formats.json_format import to_json

        write_json(to_json(result))
    else:
        from .profile_text import profile_lines

        write_result(*profile_lines(result, ascii_only=not uses_box_drawing(sys.stdout)))
    if result.interrupted:
        log(f"interrupted after {result.runs} of {runs} runs")
        return INTERRUPTED
    return DONE


def _check_format(output: Path) -> None:
    from ..profiling.formats.writers import format_of

    if output.suffix != _PAGE:
        format_of(output)


def _write(result: Profile, run: Run, output: Path) -> None:
    from ..profiling.formats.writers import write_profile, write_text

    if output.suffix == _PAGE:
        write_text(_page(result, run), output)
    else:
        write_profile(result, output)


def _page(result: Profile, run: Run) -> str:
    from ..profiling.formats.json_format import to_json
    from ..reporting.html.page import page
    from ..reporting.html.report_data import report_data
    from ..reporting.html.sides import side_of
    from ..reporting.saved_profile import saved_profile

    return page(report_data([side_of(result.model, run, profile=saved_profile(to_json(result), result.model))]))

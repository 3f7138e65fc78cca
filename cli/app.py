"""The typer application. To add a command, write its function in a new file and add it to `COMMANDS`."""

from __future__ import annotations

from typing import Annotated

import typer

from .compare import compare
from .cost import cost
from .diff import diff
from .export import export
from .extract import extract
from .inputs import inputs
from .passes import passes
from .profile import profile
from .report import report
from .run import run
from .select import select
from .show import show
from .streams import write_result
from .strip import strip
from .tree import tree
from .validate import validate
from .wrap import wrap

COMMANDS = (
    run,
    passes,
    tree,
    show,
    select,
    validate,
    strip,
    diff,
    compare,
    cost,
    profile,
    inputs,
    report,
    wrap,
    extract,
    export,
)

app = typer.Typer(
    no_args_is_help=True,
    # Plain help, because importing rich adds 0.1 s to every --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Recover the PyTorch module of every node in an exported ONNX model. Nothing else in the file changes.",
    epilog="Exit status: 0 success; 1 a model or file is invalid; 2 wrong usage; "
    "3 validation found errors, or the models differ.",
)
for command in COMMANDS:
    app.command()(command)


def _show_version(requested: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if requested:
        from importlib.metadata import version

        write_result(f"hpass {version('hpass')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Declare the options that do not belong to a command."""

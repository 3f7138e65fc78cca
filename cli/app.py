"""The commands. A new one is a file with a function, and a line here."""

from __future__ import annotations

from typing import Annotated

import typer

from .diff import diff
from .export import export
from .passes import passes
from .run import run
from .show import show
from .strip import strip
from .tree import tree
from .validate import validate

COMMANDS = (run, passes, tree, show, validate, strip, diff, export)

app = typer.Typer(
    no_args_is_help=True,
    # Plain help: rich costs a tenth of a second at every --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Give every node of an exported ONNX model its PyTorch module back, and change nothing else.",
    epilog="Status: 0 done, 1 the model or a file is bad, 2 wrong usage, 3 validation found errors, or a difference.",
)
for command in COMMANDS:
    app.command()(command)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from importlib.metadata import version

        typer.echo(f"hpass {version('hpass')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Take the options that belong to no command."""

"""Entering and leaving the command line: what becomes of errors, and which status the process ends with."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from typer import TyperException
from typer.main import get_command

from ..errors import HpassError, UsageError
from .app import COMMANDS, app
from .exit_codes import BAD_MODEL, BAD_USAGE, DONE
from .streams import log_error, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """Run the command line with the arguments of the process, and exit with its status."""
    prepare()
    # A large graph is millions of objects that live until the end: looking for garbage among them takes seconds.
    gc.disable()
    status = run_command(sys.argv[1:])
    gc.freeze()
    sys.exit(status)


def run_command(arguments: Sequence[str]) -> int:
    """Run a command line and return its status. Raises whatever is a bug, so that it keeps its traceback."""
    try:
        status = get_command(app).main(list(arguments), prog_name="hpass", standalone_mode=False)
    except TyperException as error:
        if not arguments:
            # No command at all: the error is the help text.
            sys.stderr.write(error.format_message() + "\n")
        else:
            log_error(f"{_one_line(error)} (hpass {_asked(arguments)}--help)")
        return BAD_USAGE
    except UsageError as error:
        log_error(str(error))
        return BAD_USAGE
    except HpassError as error:
        log_error(str(error))
        return BAD_MODEL
    return DONE if status is None else int(status)


def _one_line(error: TyperException) -> str:
    return " ".join(error.format_message().split()).rstrip(".")


def _asked(arguments: Sequence[str]) -> str:
    """Return the command that was asked for, where there is such a command."""
    names = {command.__name__ for command in COMMANDS}
    return f"{arguments[0]} " if arguments[0] in names else ""

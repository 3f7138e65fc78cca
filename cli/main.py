"""The entry point: run a command, print errors in one line, and choose the exit code."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from typer import TyperException
from typer.main import get_command

from ..errors import HpassError, UsageError
from .app import COMMANDS, app
from .exit_codes import BAD_MODEL, BAD_USAGE, DONE
from .streams import configure_streams, log, log_error

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """Run the command line with the arguments of the process and exit with its exit code."""
    configure_streams()
    # A large graph has millions of objects that live until the process ends. To search them for garbage takes seconds.
    gc.disable()
    status = run_command(sys.argv[1:])
    gc.freeze()
    sys.exit(status)


def run_command(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    HpassError and UsageError are printed in one line. Any other exception is a bug and is not caught, so its
    traceback is shown.
    """
    try:
        status = get_command(app).main(list(arguments), prog_name="hpass", standalone_mode=False)
    except TyperException as error:
        if not arguments:
            # Without a command, the error message is the help text.
            log(*error.format_message().splitlines())
        else:
            log_error(f"{_one_line(error)} (hpass {_command_prefix(arguments)}--help)")
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


def _command_prefix(arguments: Sequence[str]) -> str:
    """Return the name of the command and a space; an empty string if there is no such command."""
    names = {command.__name__ for command in COMMANDS}
    return f"{arguments[0]} " if arguments[0] in names else ""

"""The entry point: run a command, print errors in one line, and choose the exit code."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from itertools import pairwise
from typing import TYPE_CHECKING

import typer
from typer import TyperException
from typer.main import get_command

from ..errors import HpassError, UsageError
from .app import COMMANDS, app
from .error_text import error_text
from .exit_codes import BAD_MODEL, BAD_USAGE, DONE, INTERRUPTED
from .signals import Terminated, raise_on_termination
from .streams import configure_streams, flush_results, log, log_error

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPLETION_VARIABLE = "_HPASS_COMPLETE"


def main() -> None:
    """Run the command line with the arguments of the process and exit with its exit code."""
    configure_streams()
    raise_on_termination()
    # A large graph has millions of objects that live until the process ends. To search them for garbage takes seconds.
    gc.disable()
    if _COMPLETION_VARIABLE in os.environ:
        # Prints completions and exits.
        get_command(app).main(prog_name="hpass")
    try:
        status = run_command(sys.argv[1:])
    except BaseException:  # noqa: BLE001 - a bug; its traceback is escaped, because it may contain names from files
        log(*traceback.format_exc().splitlines())
        status = BAD_MODEL
    flush_results()
    gc.freeze()
    sys.exit(status)


def run_command(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    HpassError and UsageError are printed in one line. Any other exception is a bug and is not caught, so its
    traceback is shown.
    """
    try:
        _check_arguments(arguments)
        with get_command(app).make_context("hpass", list(arguments)) as context:
            status = context.command.invoke(context)
    except typer.Exit as request:
        return request.exit_code
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
    except Terminated as signal:
        return signal.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except (MemoryError, OSError, SystemExit) as error:
        text = error_text(error)
        if text is None:
            raise
        log_error(text)
        return BAD_MODEL
    return DONE if status is None else int(status)


def _check_arguments(arguments: Sequence[str]) -> None:
    """Raise UsageError for an empty argument: it means nothing, and as a path it would mean the current directory."""
    for previous, argument in pairwise(("hpass", *arguments)):
        if not argument:
            raise UsageError(f"the argument after '{previous}' is empty; give a value, or remove it")
        if argument.startswith("--") and argument.partition("=")[1:] == ("=", ""):
            raise UsageError(f"'{argument}' has no value; give one, or remove it")


def _one_line(error: TyperException) -> str:
    return " ".join(error.format_message().split()).rstrip(".")


def _command_prefix(arguments: Sequence[str]) -> str:
    """Return the name of the command and a space; an empty string if there is no such command."""
    names = {command.__name__ for command in COMMANDS}
    return f"{arguments[0]} " if arguments[0] in names else ""

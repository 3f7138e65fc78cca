"""`hpass wrap`: run a tool on a model, and give its result the tags back that the tool drops."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import HpassError, UsageError
from ..wording import counted
from .dataclass_options import with_dataclass_options
from .diff import difference_lines
from .exit_codes import DONE, FOUND_ERRORS
from .file_uses import STREAM, FileUses
from .paths import output_path, parse_output
from .shared_options import Json
from .streams import log_error, prints_to_stderr, write_json, write_summary
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..api import Run
    from ..reporting.difference import Difference

SCHEMA = 1
_STDERR = 2


class _ToolError(Exception):
    """The tool did not succeed; `status` is its exit status, as a shell gives it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@with_dataclass_options
def wrap(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The model that the tool reads.")],
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND...", help="The tool and its arguments; {in} and {out} stand for the files."),
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", parser=parse_output, metavar="OUT", help="The output file.")
    ] = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> int:
    """Run a tool on a model, tag the result, and show what changed.

    Each node of the result gets the module of the nodes that it replaces. {in} in the command stands for
    IN, and {out} for the file that the tool is to write. What the tool prints goes to standard error.

    If the tool fails, its exit status is that of hpass, and nothing is written.
    """
    for placeholder in ("{in}", "{out}"):
        if not any(placeholder in argument for argument in command):
            raise UsageError(f"the command has no {placeholder}; put it in the place of the file")
    if STREAM in (source, output):
        raise UsageError("the tool reads and writes files; name a file instead of -")
    target = output_path(source, output, in_place=False)
    uses = FileUses()
    uses.read(source, f"the input {source}")
    tagging.add_files(uses)
    uses.write(target, f"the output of {source}")
    try:
        after, found = _run_tool(source, command, target, uses, tagging)
    except _ToolError as error:
        log_error(str(error))
        return error.status
    _print(command, after, found, json=json)
    return DONE if after.ok else FOUND_ERRORS


def _run_tool(
    source: Path, command: Sequence[str], target: Path, uses: FileUses, tagging: TaggingOptions
) -> tuple[Run, Difference]:
    """Run the tool in a folder beside the target, and write its result with tags. Return it, and what the tool changed.

    Raises _ToolError if the tool fails, and HpassError if one of the models is invalid.
    """
    from ..api import as_reference, load, run
    from ..graph.files.model_file import transaction_for
    from ..reporting.difference import difference

    model = load(source)
    uses.add_external_data(model)
    before = tagging.run(model)
    with transaction_for(target) as transaction:
        # The file has the name of OUT, because tools name external data after it.
        written = transaction.scratch(target) / target.name
        _call([word.replace("{in}", str(source)).replace("{out}", str(written)) for word in command])
        if not written.is_file():
            raise HpassError(f"{command[0]}: succeeded, but did not write {{out}}; is {{out}} in the right place?")
        try:
            result = load(written)
        except HpassError as error:
            raise HpassError(f"{command[0]}: succeeded, but what it wrote cannot be used: {error}") from error
        result.name = str(target)
        uses.add_external_data(result, target)
        with prints_to_stderr():
            after = run(result, reference=as_reference(before))
        # Before the folder with the result's weights is removed.
        found = difference(before, after)
        after.write_tags()
        after.model.write(transaction, target)
    return after, found


def _call(command: Sequence[str]) -> None:
    """Run a command and wait for its end. Raises UsageError if it cannot be started, _ToolError if it fails."""
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=_STDERR, check=False).returncode  # noqa: S603 - what the user asks for
    except FileNotFoundError as error:
        raise UsageError(f"{command[0]}: there is no such command; install it, or give its path") from error
    except OSError as error:
        raise UsageError(f"{command[0]}: cannot be started ({error.strerror or error})") from error
    if status < 0:
        raise _ToolError(f"{command[0]}: ended by signal {-status}; nothing was written", 128 - status)
    if status:
        raise _ToolError(f"{command[0]}: failed with exit status {status}; nothing was written", status)


def _print(command: Sequence[str], after: Run, found: Difference, *, json: bool) -> None:
    from ..reporting.totals import totals

    counts = totals(after)
    if json:
        write_json(
            {
                "schema": SCHEMA,
                "command": list(command),
                "nodes": counts.nodes,
                "sources": {source: count for source, count in counts.sources.items() if count},
                "difference": found.to_json(),
            }
        )
        return
    write_summary(*difference_lines(found))
    sources = ", ".join(f"{count:,} {source}" for source, count in counts.sources.items() if count)
    write_summary("", f"{counted(counts.nodes, 'node')} tagged: {sources}")

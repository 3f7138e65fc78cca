"""`hpass select`: the nodes of modules, in the form that another tool takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import HpassError, UsageError
from ..selection.formats import FORMATS, TYPED_FORMATS, Format
from .completion import complete_pattern
from .dataclass_options import with_dataclass_options
from .file_uses import STREAM, FileUses
from .paths import parse_output
from .shared_options import Input, Json
from .streams import write_json, write_result
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    import onnx_graphsurgeon as gs

    from ..selection.selection import Selection


@with_dataclass_options
def select(
    source: Input,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN...",
            autocompletion=complete_pattern,
            help="Modules in quotes: 'encoder.layer.[0-3]', ':BertLayer', '!decoder'.",
        ),
    ] = None,
    *,
    select: Annotated[
        Path | None, typer.Option("--select", metavar="FILE", help="A file with one more pattern on each line.")
    ] = None,
    form: Annotated[Format | None, typer.Option("--for", help="The form of the output (default names).")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", parser=parse_output, metavar="OUT", help="The output file instead of standard output."
        ),
    ] = None,
    tagging: TaggingOptions,
    json: Json = False,
) -> None:
    """Print the nodes of modules in the form that another tool takes.

    A pattern that matches no module is an error. A model without tags is tagged in memory. A tagged
    model is tagged again if a tagging option is given.
    """
    if json and form is not None:
        raise UsageError("--json and --for both choose the form of the output; give one of them")

    from ..graph.tagged_file import TaggedFile
    from ..selection.pattern import parse_patterns
    from ..selection.selection import select_nodes
    from ..tags.module_table import ModuleTable

    uses = FileUses()
    uses.read(source, f"the input {source}")
    tagging.add_files(uses)
    if select is not None:
        uses.read(select, f"--select {select}")
    if output is not None:
        uses.write(output, f"-o {output}")
    texts = [*(patterns or ()), *(_patterns_in(select) if select is not None else ())]
    tagged = None if tagging.any_given or form in TYPED_FORMATS else TaggedFile.open(source)
    if tagged is None:
        selection = _selection(source, texts, tagging, uses)
    else:
        uses.add_external_data(tagged)
        table = tagged.stored_modules() or ModuleTable()
        selection = select_nodes(tagged, tagged.stored_tag, table, parse_patterns(texts))
    text = "" if json else FORMATS[form or "names"](selection)
    if output is not None and output != STREAM:
        from ..escape import for_json

        _write(output, for_json(_entry(selection)) if json else text)
    elif json:
        write_json(_entry(selection))
    else:
        write_result(*text.splitlines())


def _selection(source: Path, patterns: list[str], tagging: TaggingOptions, uses: FileUses) -> Selection[gs.Node]:
    from .. import api

    model = api.load(source)
    uses.add_external_data(model)
    return api.select(tagging.run(model) if tagging.any_given else model, *patterns)


def _patterns_in(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"--select {path}: cannot be read ({reason})") from error


def _write(path: Path, text: str) -> None:
    from ..graph.files.transaction import Transaction

    if not path.parent.is_dir():
        raise HpassError(f"{path.parent}: the folder does not exist; create it first")
    with Transaction(path) as transaction:
        transaction.write(path, lambda file: file.write(f"{text}\n".encode()))


def _entry(selection: Selection[Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "model": selection.model.name,
        "modules": list(selection.modules),
        "nodes": [
            {"scope": instance.scope, "name": instance.node.name, "op": instance.node.op}
            | ({} if instance.call is None else {"call": instance.call})
            | ({"calls": [call.name for call in instance.calls]} if instance.calls else {})
            for instance in selection.instances
        ],
    }

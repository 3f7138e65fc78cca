"""`hpass report`: an HTML page that shows a model by its modules."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import HpassError, UsageError
from ..wording import counted
from .dataclass_options import with_dataclass_options
from .file_uses import STREAM, FileUses
from .paths import parse_output
from .shared_options import Dimensions, Input
from .streams import write_result, write_summary
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from ..api import Run

_MAX_SIDES = 2


@with_dataclass_options
def report(
    source: Input,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", parser=parse_output, metavar="OUT.html", help="The page; - is standard output."),
    ],
    *,
    profiles: Annotated[
        list[Path] | None,
        typer.Option(
            "--profile",
            metavar="FILE.json",
            help="A profile of the model, for the time of each module. A second one is that of the other model, or "
            "another one of this model.",
        ),
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="MODEL", help="Another version of the model, to compare with.")
    ] = None,
    comparison: Annotated[
        Path | None,
        typer.Option(
            "--comparison",
            metavar="FILE.json",
            help="The output of `hpass compare --json`, for the colour of each module by how well it agrees.",
        ),
    ] = None,
    costs: Annotated[
        bool, typer.Option("--cost/--no-cost", help="Show what each module takes in one run, as `hpass cost` does.")
    ] = True,
    dims: Dimensions = None,
    tagging: TaggingOptions,
) -> None:
    """Write an HTML page that shows a model by its modules. The page is one file and loads nothing.

    A chart shows the modules with the share of nodes, of time or of the cost in each of them. For each module
    there is a list of its nodes with their tags and the reasons for these.

    A model without tags is tagged in memory.
    """
    from ..graph.files.model_file import transaction_for
    from ..model_cost import cost as model_cost
    from ..reporting.html.page import page
    from ..reporting.html.report_data import report_data
    from ..reporting.html.sides import side_of
    from ..reporting.saved_comparison import read_comparison
    from ..reporting.saved_profile import read_profile
    from ..running.settings import parse_dimensions

    paths = profiles or []
    if len(paths) > _MAX_SIDES:
        raise UsageError(f"--profile: {len(paths)} profiles; give at most {_MAX_SIDES}")
    uses = FileUses()
    uses.read(source, f"the input {source}")
    for path in paths:
        uses.read(path, f"--profile {path}")
    if against is not None:
        uses.read(against, f"--against {against}")
    if comparison is not None:
        uses.read(comparison, f"--comparison {comparison}")
    tagging.add_files(uses)
    uses.write(output, f"--output {output}")
    if not output.parent.is_dir():
        raise HpassError(f"{output}: the folder {output.parent} does not exist; create it first")
    sizes = parse_dimensions(dims or ())
    if sizes and not costs:
        raise UsageError("--dim belongs to the cost of modules; leave out --no-cost")
    times = [read_profile(path) for path in paths]
    agreement = {} if comparison is None else read_comparison(comparison)
    labelled = _sides(source, against, paths, tagging, uses)
    found = {id(run): model_cost(run, sizes=sizes) for _, run in labelled} if costs else {}
    sides = [
        side_of(label, run, profile=profile, cost=found.get(id(run)), agreement=agreement)
        for (label, run), profile in zip_longest(labelled, times)
    ]
    text = page(report_data(sides))
    if output == STREAM:
        write_result(text)
        return
    with transaction_for(output) as transaction:
        transaction.write(output, lambda file: file.write(text.encode()))
    scopes = labelled[0][1].scopes()
    write_summary(f"{output}: {counted(scopes.total(), 'node')} in {counted(len(scopes), 'module')}")


def _sides(
    source: Path, against: Path | None, profiles: list[Path], tagging: TaggingOptions, uses: FileUses
) -> list[tuple[str, Run]]:
    """Return the label and the run of each side."""
    from ..api import ensure_tagged, load

    model = load(source)
    uses.add_external_data(model)
    run = tagging.run(model)
    if against is not None:
        other = ensure_tagged(against)
        uses.add_external_data(other.model)
        return [(side.model.name, side) for side in (run, other)]
    if len(profiles) < _MAX_SIDES:
        return [(run.model.name, run)]
    return [(path.name, run) for path in profiles]

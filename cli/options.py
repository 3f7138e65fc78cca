"""Options that several commands take, and the completion of pass names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..graph.modules import ModuleTable
    from ..passes.base import Pass
    from ..pipeline import Pipeline


def complete_pass(incomplete: str) -> list[tuple[str, str]]:
    """Return the passes whose names start as typed, each with what it does."""
    return [(name, step.summary()) for name, step in _registered().items() if name.startswith(incomplete)]


def complete_pipeline(incomplete: str) -> list[tuple[str, str]]:
    """Complete the last pass name of a pipeline text."""
    before, comma, last = incomplete.rpartition(",")
    found = complete_pass(last)
    if "all".startswith(last):
        found.append(("all", "the five standard passes"))
    return [(f"{before}{comma}{name}", summary) for name, summary in found]


def complete_setting(incomplete: str) -> list[tuple[str, str]]:
    """Complete `PASS.OPTION=`."""
    return [
        (f"{name}.{option.name}=", option.help)
        for name, step in _registered().items()
        for option in step.options()
        if f"{name}.{option.name}=".startswith(incomplete)
    ]


def _registered() -> dict[str, type[Pass]]:
    from ..pipeline import registered_passes

    return registered_passes()


Input = Annotated[Path, typer.Argument(metavar="IN", help="The model, or - for standard input.")]
Passes = Annotated[
    str,
    typer.Option(
        "--passes",
        metavar="TEXT",
        autocompletion=complete_pipeline,
        help="Passes in order, as in scope-parse,aux-inheritance:root=keep,fallback; see `hpass passes`.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PASS.OPTION=VALUE", autocompletion=complete_setting, help="Set an option of a pass."
    ),
]
Modules = Annotated[
    Path | None,
    typer.Option("--modules", metavar="FILE", help="A JSON object of scope -> class; the root is the empty name."),
]
Definition = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="REF",
        help="The PyTorch model, built without weights for its module table: FILE.py:FACTORY, a folder, "
        "a config.json, or a Hugging Face id.",
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        metavar="FILE",
        help="The model before an optimiser, tagged or not, or a .safetensors checkpoint: what names it gives back.",
    ),
]
Retag = Annotated[bool, typer.Option("--retag", help="Take no notice of tags that the file already has.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ExternalData = Annotated[
    Literal["copy", "link"],
    typer.Option("--external-data", help="How external data goes along into another folder."),
]
InPlace = Annotated[bool, typer.Option("--in-place", help="Write over the input.")]


def pipeline_of(passes: str, settings: list[str] | None, *, verify_runtime: bool = False) -> Pipeline:
    """Return the pipeline that the options describe. Raises UsageError where they contradict each other."""
    from ..pipeline import Pipeline

    pipeline = Pipeline.parse(passes)
    given: dict[str, str] = {}
    for setting in settings or ():
        option, _, value = setting.partition("=")
        if given.setdefault(option, value) != value:
            raise UsageError(f"--set {option}={given[option]} and --set {setting} contradict each other")
        pipeline = pipeline.with_option(setting)
    if not verify_runtime:
        return pipeline
    if given.get("validation.runtime") == "false":
        raise UsageError("--verify-runtime and --set validation.runtime=false contradict each other")
    if all(step.name != "validation" for step in pipeline.passes):
        raise UsageError(f"--verify-runtime needs the pass validation; add it to --passes {passes}")
    return pipeline.with_option("validation.runtime=true")


def table_of(modules: Path | None, definition: str | None) -> ModuleTable | None:
    """Return the module table in a file, or that of a model, where one is named.

    Raises UsageError where both are, or where there is no table in the file, and HpassError where the model
    cannot be built.
    """
    if modules is not None and definition is not None:
        raise UsageError("--modules and --model both say what the modules are; give one of them")
    if definition is not None:
        from ..exporter import module_table
        from ..graph.modules import ModuleTable

        return ModuleTable.from_json(module_table(definition), f"--model {definition}")

    from ..api import read_modules

    return None if modules is None else read_modules(modules)

"""How a model is tagged: the options that `run`, `tree` and `show` share, as one parameter of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ..errors import UsageError
from .completion import complete_pipeline, complete_setting

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_graphsurgeon as gs

    from ..api import Run
    from ..graph.model import Model
    from ..pipeline import Pipeline
    from ..tags.module_table import ModuleTable


@dataclass(frozen=True)
class TaggingOptions:
    """What to tag by. A command takes each field as an option of its own."""

    passes: Annotated[
        str,
        typer.Option(
            "--passes",
            metavar="TEXT",
            autocompletion=complete_pipeline,
            help="Passes in order, as in scope-parse,aux-inheritance:root=keep,fallback; see `hpass passes`.",
        ),
    ] = "all"
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PASS.OPTION=VALUE", autocompletion=complete_setting, help="Set an option of a pass."
        ),
    ] = None
    modules: Annotated[
        Path | None,
        typer.Option("--modules", metavar="FILE", help="A JSON object of scope -> class; the root is the empty name."),
    ] = None
    definition: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="REF",
            help="The PyTorch model, built without weights for its module table: FILE.py:FACTORY, a folder, "
            "a config.json, or a Hugging Face id.",
        ),
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            metavar="FILE",
            help="The model before an optimiser, tagged or not, or a .safetensors checkpoint: "
            "what names it gives back.",
        ),
    ] = None
    retag: Annotated[bool, typer.Option("--retag", help="Take no notice of tags that the file already has.")] = False

    @property
    def is_asked_for(self) -> bool:
        """Whether any of the options is given."""
        return self != TaggingOptions()

    def pipeline(self, *, verify_runtime: bool = False) -> Pipeline:
        """Return the pipeline that the options describe. Raises UsageError where they contradict each other."""
        from ..pipeline import Pipeline

        pipeline = Pipeline.parse(self.passes)
        given: dict[str, str] = {}
        for setting in self.settings or ():
            option, _, value = setting.partition("=")
            if given.setdefault(option, value) != value:
                raise UsageError(f"--set {option}={given[option]} and --set {setting} contradict each other")
            pipeline = pipeline.with_option(setting)
        if not verify_runtime:
            return pipeline
        if given.get("validation.runtime") == "false":
            raise UsageError("--verify-runtime and --set validation.runtime=false contradict each other")
        if all(step.name != "validation" for step in pipeline.passes):
            raise UsageError(f"--verify-runtime needs the pass validation; add it to --passes {self.passes}")
        return pipeline.with_option("validation.runtime=true")

    def table(self) -> ModuleTable | None:
        """Return the module table in a file, or that of a model, where one is named.

        Raises UsageError where both are, or where there is no table in the file, and HpassError where the model
        cannot be built.
        """
        if self.modules is not None and self.definition is not None:
            raise UsageError("--modules and --model both say what the modules are; give one of them")
        if self.definition is not None:
            from ..exporter import module_table
            from ..tags.module_table import ModuleTable

            return ModuleTable.from_json(module_table(self.definition), f"--model {self.definition}")

        from ..api import read_modules

        return None if self.modules is None else read_modules(self.modules)

    def run(self, model: Model, explained: Iterable[gs.Node] = ()) -> Run:
        """Tag a model; its context keeps the attributions of the nodes in `explained`.

        Raises UsageError and HpassError as the options and the model give cause.
        """
        from ..api import run

        pipeline, table = self.pipeline(), self.table()
        return run(model, pipeline, modules=table, reference=self.reference, retag=self.retag, explained=explained)


def with_tagging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of Tagging in the place of its parameter `tagging`, for typer to see."""

    @wraps(command)
    def flat(**given: Any) -> Any:
        options = {item.name: given.pop(item.name) for item in fields(TaggingOptions)}
        return command(**given, tagging=TaggingOptions(**options))

    hints = get_type_hints(TaggingOptions, include_extras=True)
    options = [
        Parameter(item.name, Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name])
        for item in fields(TaggingOptions)
    ]
    taken = signature(command, eval_str=True)
    parameters = [shown for own in taken.parameters.values() for shown in (options if own.name == "tagging" else [own])]
    vars(flat)["__signature__"] = taken.replace(parameters=parameters)
    return flat

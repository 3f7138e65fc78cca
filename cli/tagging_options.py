"""The tagging options that `run`, `tree` and `show` share, as one parameter of a command function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from .completion import complete_pipeline, complete_setting
from .file_uses import FileUses, model_files
from .streams import prints_to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx
    import onnx_graphsurgeon as gs

    from ..api import Run
    from ..graph.model import Model
    from ..passes.context import Reference
    from ..pipeline import Pipeline
    from ..tags.module_table import ModuleTable


@dataclass(frozen=True)
class TaggingOptions:
    """The options that control tagging. Each field becomes one command-line option."""

    passes: Annotated[
        str,
        typer.Option(
            "--passes",
            metavar="TEXT",
            autocompletion=complete_pipeline,
            help="The passes in order, such as scope-parse,aux-inheritance:root=keep,fallback; see `hpass passes`.",
        ),
    ] = "all"
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PASS.OPTION=VALUE",
            autocompletion=complete_setting,
            help="Set an option of a pass; repeatable.",
        ),
    ] = None
    modules: Annotated[
        Path | None,
        typer.Option(
            "--modules", metavar="FILE", help="A JSON object that maps scopes to classes; the root is the empty name."
        ),
    ] = None
    model_spec: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="REF",
            help="The PyTorch model, built to get its module table, and exported to compare its structure with that "
            "of the file: FILE.py:FACTORY, a folder, a config.json, or a Hugging Face id.",
        ),
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            metavar="FILE",
            help="The model before optimisation, tagged or not, or a .safetensors checkpoint; "
            "lost tags are restored from it.",
        ),
    ] = None
    retag: Annotated[bool, typer.Option("--retag", help="Ignore tags that the file already has.")] = False

    @property
    def any_given(self) -> bool:
        """Whether any option differs from its default."""
        return self != TaggingOptions()

    def with_absolute_paths(self) -> TaggingOptions:
        """Return options that mean the same in every working directory."""
        spec = self.model_spec
        if spec is not None and any(path.exists() for path in (Path(spec), Path(spec.rpartition(":")[0]))):
            spec = str(Path(spec).absolute())
        modules = None if self.modules is None else self.modules.absolute()
        reference = None if self.reference is None else self.reference.absolute()
        return replace(self, modules=modules, reference=reference, model_spec=spec)

    def pipeline(self, *, verify_runtime: bool = False) -> Pipeline:
        """Return the pipeline that the options describe. Raises UsageError if they contradict each other."""
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
        """Return the module table of `--modules` or `--model`; None if neither is given.

        Raises UsageError if both are given or if the file has no module table, and HpassError if the model cannot be
        built.
        """
        if self.modules is not None and self.model_spec is not None:
            raise UsageError("--modules and --model both define the module table; give one of them")
        if self.model_spec is not None:
            from ..exporter import module_table
            from ..tags.module_table import ModuleTable

            return ModuleTable.from_json(module_table(self.model_spec), f"--model {self.model_spec}")

        from ..api import read_modules

        return None if self.modules is None else read_modules(self.modules)

    @cached_property
    def model_export(self) -> onnx.ModelProto | None:
        """An export of `--model`; None if it is not given, cannot be exported, or `--reference` is given as well."""
        if self.model_spec is None or self.reference is not None:
            return None
        from ..exporter import reference_export

        return reference_export(self.model_spec)

    def open_reference(self, table: ModuleTable | None) -> Reference | None:
        """Open the reference, which is `--reference` or else an export of `--model`; `table` is that of `table()`.

        Raises UsageError and HpassError as `read_reference` does.
        """
        from ..api import as_reference, ensure_tagged, read_reference

        if self.model_export is not None:
            return replace(as_reference(ensure_tagged(self.model_export, modules=table)), is_export=True)
        return read_reference(self.reference, modules=table)

    def add_files(self, uses: FileUses) -> None:
        """Add the files that the options name. Raises UsageError if one of them is also written."""
        if self.modules is not None:
            uses.read(self.modules, f"--modules {self.modules}")
        if self.reference is not None:
            uses.read(self.reference, f"--reference {self.reference}")
        if self.model_spec is not None:
            for path in model_files(self.model_spec):
                uses.read(path, f"--model {self.model_spec} ({path.name})")

    def run(self, model: Model, explained: Iterable[gs.Node] = ()) -> Run:
        """Tag a model; its context keeps the feature attributions of the nodes in `explained`.

        Raises UsageError if the options are wrong and HpassError if the model is invalid.
        """
        from ..api import run

        pipeline, table = self.pipeline(), self.table()
        with prints_to_stderr():
            reference = self.open_reference(table)
            return run(model, pipeline, modules=table, reference=reference, retag=self.retag, explained=explained)

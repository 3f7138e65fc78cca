"""Tagging a model from Python: open, run, look at the tags, save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_graphsurgeon as gs

from .errors import HpassError, UsageError
from .graph.files.external_data import ExternalDataMode
from .graph.model import Model
from .identity_map import IdentityMap
from .passes.base import PassResult
from .passes.context import Context, Reference
from .passes.findings import Finding, Severity
from .pipeline import ALL, Observer, Pipeline
from .restore.checkpoint import Checkpoint
from .restore.reference_model import ReferenceModel
from .tags.module_table import ModuleTable
from .tags.tag_format import Tag

ModelSource = str | Path | onnx.ModelProto | Model

CHECKPOINT_SUFFIX = ".safetensors"
_TAGGING = "scope-parse,module-mapping,aux-inheritance,fallback"


@dataclass(frozen=True)
class Run:
    """A model after a pipeline: its tags, what each pass did, and what there is to say about it."""

    model: Model
    context: Context
    pipeline: Pipeline
    results: Sequence[PassResult]

    @property
    def findings(self) -> Sequence[Finding]:
        """What the passes found, in order."""
        return self.context.findings

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    @property
    def modules(self) -> ModuleTable:
        """The module table in use."""
        return self.context.table.modules

    def tag(self, node: gs.Node) -> Tag | None:
        """Return a node's tag, or None where no pass gave it one."""
        return self.context.tags.get(node)

    def tags(self) -> Iterable[tuple[gs.Node, Tag]]:
        """Yield every tagged node of the graph, of subgraphs and of function bodies with its tag."""
        return self.context.tagged_nodes()

    def apply(self, *, edited: bool = True) -> onnx.ModelProto:
        """Write the tags (and the edits of rewriting passes) into the model's message and return it.

        `edited` may be False where nothing has touched the graph since the last pass found it `context.untouched`.
        """
        self.model.apply(self.context.tagged_nodes(), self.context.table.modules, edited=edited)
        return self.model.proto

    def save(self, path: str | Path, external_data: ExternalDataMode = ExternalDataMode.COPY) -> None:
        """Write the tagged model to a file, whole or not at all, external data going along into another folder.

        Raises HpassError, in one line, for whatever keeps it from being written.
        """
        self.apply()
        self.model.save(path, external_data)


def load(source: ModelSource) -> Model:
    """Open a model: a path, `-` for standard input, or a message, which is copied. Raises HpassError."""
    return source if isinstance(source, Model) else Model.open(source)


def run(
    source: ModelSource,
    passes: str | Pipeline = ALL,
    *,
    settings: str | Iterable[str] | Mapping[str, object] = (),
    modules: str | Path | ModuleTable | None = None,
    reference: ModelSource | Reference | None = None,
    retag: bool = False,
    observer: Observer | None = None,
    explained: Iterable[gs.Node] = (),
) -> Run:
    """Run a pipeline over a model and return the result; nothing is written. Threads may run it on different models.

    `settings` is one `PASS.OPTION=VALUE`, several of them, or a mapping of `PASS.OPTION` to values; `modules` is a
    module table or the JSON file of one; `retag` ignores tags that the file already has. `reference` is a model of the
    same origin, tagged on the fly where it is not yet, or a `.safetensors` file. The run's context keeps the
    attributions of the nodes in `explained`. Raises UsageError for a wrong call and HpassError for a model that cannot
    be opened.
    """
    chosen = passes if isinstance(passes, Pipeline) else Pipeline.parse(passes)
    pipeline = chosen.with_options(settings)
    table = modules if isinstance(modules, ModuleTable) or modules is None else read_modules(modules)
    model = load(source)
    twin = reference if isinstance(reference, Reference) else read_reference(reference, modules=table)
    context = Context(model, given=table, reference=twin, retag=retag, explained=explained)
    results = pipeline.run(context, observer)
    return Run(model, context, pipeline, results)


def strip(source: ModelSource) -> Model:
    """Open a model and remove every `hpass.*` key from it; nothing is written."""
    model = load(source)
    model.strip()
    return model


def read_modules(path: str | Path) -> ModuleTable:
    """Read a module table from a JSON file. Raises UsageError where it cannot be read or is none."""
    try:
        return ModuleTable.loads(Path(path).read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"{path}: cannot be read ({reason})") from error
    except UsageError:
        raise
    except HpassError as error:
        raise UsageError(str(error)) from error


def ensure_tagged(source: ModelSource, *, modules: ModuleTable | None = None) -> Run:
    """Open a model with a tag on every node: those it has, and what it lacks worked out. Raises HpassError."""
    return run(source, _TAGGING, modules=modules)


def read_reference(source: ModelSource | None, *, modules: ModuleTable | None = None) -> Reference | None:
    """Open what `--reference` names: a model, with a tag on every node whether it has them or not, or a checkpoint.

    Raises UsageError for a checkpoint and HpassError for a model that cannot be read.
    """
    if source is None:
        return None
    if isinstance(source, (str, Path)) and Path(source).suffix == CHECKPOINT_SUFFIX:
        return Checkpoint.open(Path(source))
    twin = ensure_tagged(source, modules=modules)
    tags: IdentityMap[gs.Node, Tag] = IdentityMap()
    for node, tag in twin.tags():
        tags[node] = tag
    return ReferenceModel(twin.model, tags, twin.modules, twin.context.table.declared)

"""The Python API: open a model, run a pipeline, read the tags, and save the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_graphsurgeon as gs

from .errors import HpassError, UsageError
from .graph.edits import Edits
from .graph.files.external_data import ExternalDataMode
from .graph.files.limited_read import read_file
from .graph.model import Model
from .graph.regions import nodes_with_position
from .identity_map import IdentityMap
from .notebook import table
from .passes.base import PassResult
from .passes.context import Context, Reference
from .passes.findings import Finding, Severity
from .passes.numbered_calls import number_calls
from .pipeline import ALL, Observer, Pipeline
from .restore.checkpoint import Checkpoint
from .restore.reference_model import ReferenceModel
from .selection.node_instances import NodeInstance, TagOf, node_instances, scope_counts
from .selection.pattern import parse_patterns
from .selection.selection import Selection, select_nodes
from .tags.module_table import ModuleTable
from .tags.tag_format import WITHIN, Confidence, Tag
from .wording import counted

ModelSource = str | Path | onnx.ModelProto | Model

CHECKPOINT_SUFFIX = ".safetensors"
# The maximum size of a module table. A table of 200,000 modules takes a tenth of it.
_MAX_TABLE_BYTES = 1 << 28
TAGGING = "scope-parse,module-mapping,aux-inheritance,fallback,call-number"


@dataclass(frozen=True)
class Run:
    """The result of a pipeline: the model, its tags, the result of each pass, and the findings."""

    model: Model
    context: Context
    pipeline: Pipeline
    results: Sequence[PassResult]
    edits_before: Edits = Edits()

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings of the passes, in order."""
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
        """Return the tag of a node; None if no pass gave it one."""
        return self.context.tags.get(node)

    def tags(self) -> Iterable[tuple[gs.Node, Tag]]:
        """Yield every tagged node of the main graph, subgraphs and function bodies, with its tag."""
        return self.context.tagged_nodes()

    def scopes(self) -> Counter[str]:
        """Return how many tagged nodes run in each module. A call of a function counts as the nodes of the function."""
        return scope_counts(self.model, self.tag)

    def to_rows(self) -> list[dict[str, str | int | None]]:
        """Return a row for each node in the order of the file, for a data frame: `pandas.DataFrame(run.to_rows())`.

        The columns are the node's position, name and operator, the scope and the class of the module that it ran in,
        the module that it serves, the number of the module's call, the tag, the source and the confidence. What is not
        known is None.
        """
        return [self._row(position, node) for position, node in nodes_with_position(self.context.regions())]

    def _row(self, position: str, node: gs.Node) -> dict[str, str | int | None]:
        tag = self.tag(node)
        return {
            "position": position,
            "name": node.name or None,
            "op": node.op,
            "scope": None if tag is None else tag.scope,
            "class": None if tag is None else self._class_of(tag.scope),
            "serves": None if tag is None else tag.serves,
            "call": None if tag is None else tag.call,
            "tag": None if tag is None else self.modules.path(tag.target),
            "source": None if tag is None else tag.source.value,
            "confidence": None if tag is None else tag.confidence.value,
        }

    def _class_of(self, scope: str) -> str | None:
        return self.modules[scope].bare_class if scope in self.modules else None

    def _repr_html_(self) -> str:
        """Return the modules with the number of their nodes as HTML, for a notebook."""
        tags = [tag for _, tag in self.tags()]
        confidences = Counter(tag.confidence for tag in tags)
        counts = ", ".join(f"{confidences[level]:,} {level.value}" for level in Confidence)
        own = self.scopes()
        nodes = f"{counted(len(tags), 'tagged node')} in {counted(len(own), 'module')}"
        title = f"{self.model.name}: {nodes}; confidence: {counts}"
        rows = [(scope or "(root)", self._class_of(scope) or "", count) for scope, count in own.items()]
        return table(title, ("module", "class", "nodes"), rows)

    def apply(self) -> onnx.ModelProto:
        """Write the tags and the edits of rewriting passes into the model's message and return the complete message.

        All values of the model are read for it; `save` does not read them. Raises AssertionError as `write_tags` does.
        """
        self.write_tags()
        return self.model.proto

    def write_tags(self, *, edited: bool = True) -> None:
        """Write the tags and the edits of rewriting passes into the model, so that `model` can be written.

        `edited` may be False if the graph has no edits, that is if `context.graph_unchanged` is True after the run.
        Raises AssertionError if there are edits although no pass declares that it rewrites, which is a bug in a pass.
        """
        if edited and not self.context.rewritten:
            edits = self.model.edits() - self.edits_before
            if edits:
                raise AssertionError(f"{self.model.name}: a pass that may only tag changed the graph; nodes: {edits}")
            edited = False
        self.model.apply(self.context.tagged_nodes(), self.context.table.modules, edited=edited)

    def save(self, path: str | Path, external_data: ExternalDataMode = ExternalDataMode.COPY) -> None:
        """Write the tagged model to a file atomically. External data is copied or linked if the folder is another one.

        Raises HpassError if the model or its external data cannot be written.
        """
        self.write_tags()
        self.model.save(path, external_data)


def load(source: ModelSource) -> Model:
    """Open a model: a path, `-` for standard input, a message, which is copied, or a Model, which is returned.

    Raises HpassError if the source is not a model, or if its external data is missing or outside its folder.
    """
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
    """Run a pipeline on a model and return the result. No file is written. Threads may run it on different models.

    `settings` is one `PASS.OPTION=VALUE`, several of them, or a mapping of `PASS.OPTION` to values. `modules` is a
    module table or the path of its JSON file. If `retag` is True, tags in the file are ignored. `reference` is the same
    model before optimisation, which is tagged in memory, or the path of a `.safetensors` checkpoint. `observer` is
    called between passes. The run's context keeps the feature attributions of the nodes in `explained`.

    Raises UsageError if an argument is wrong, and HpassError if a model cannot be opened.
    """
    parsed = passes if isinstance(passes, Pipeline) else Pipeline.parse(passes)
    pipeline = parsed.with_options(settings)
    table = modules if isinstance(modules, ModuleTable) or modules is None else read_modules(modules)
    model = load(source)
    edits_before = model.written_edits
    opened_reference = reference if isinstance(reference, Reference) else read_reference(reference, modules=table)
    context = Context(model, given=table, reference=opened_reference, retag=retag, explained=explained)
    results = pipeline.run(context, observer)
    if context.calls_are_outdated:
        number_calls(context)
    # Whatever passes ran: a later run takes what is written for all that is known.
    context.use_declared_table()
    return Run(model, context, pipeline, results, edits_before)


def strip(source: ModelSource) -> Model:
    """Open a model and remove every `hpass.*` key from it. No file is written. Raises HpassError as `load` does."""
    model = load(source)
    model.strip()
    return model


def read_modules(path: str | Path) -> ModuleTable:
    """Read a module table from a JSON file. Raises UsageError if the file cannot be read or is not a module table."""
    try:
        text = read_file(Path(path), _MAX_TABLE_BYTES)
        table = None if text is None else ModuleTable.loads(text.decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"{path}: cannot be read ({reason})") from error
    except UsageError:
        raise
    except HpassError as error:
        raise UsageError(str(error)) from error
    if table is None:
        raise UsageError(
            f"{path}: more than {_MAX_TABLE_BYTES:,} bytes, too large for a module table; name another file"
        )
    return table


def ensure_tagged(source: ModelSource, *, modules: ModuleTable | None = None) -> Run:
    """Open a model and tag every node. Tags in the file count as evidence. Raises HpassError as `load` does."""
    return run(source, TAGGING, modules=modules)


def select(source: ModelSource | Run, *patterns: str) -> Selection[gs.Node]:
    """Return the modules and nodes that patterns select (docs/patterns.md).

    A run gives its tags, a tagged file those in it; any other model is tagged in memory.

    Raises UsageError if a text is not a pattern, if a pattern matches no module, or if no node runs in the selected
    modules; HpassError as `load` does.
    """
    parsed = parse_patterns(patterns)
    model, tag_of, table = tags_of(source)
    return select_nodes(model, tag_of, table, parsed)


def instances(source: ModelSource | Run, *, with_calls: bool = True) -> Iterator[NodeInstance[gs.Node]]:
    """Yield every node as it runs: its module, the number of the module's call, and the node.

    A node of a function body is yielded once for each call, after the call itself. If `with_calls` is False, calls of
    functions are left out, so that there are as many nodes as if all functions were inlined. Tags are taken from where
    `select` takes them. Raises HpassError as `load` does.
    """
    model, tag_of, _ = tags_of(source)
    return node_instances(model, tag_of, with_calls=with_calls)


def tags_of(source: ModelSource | Run) -> tuple[Model, TagOf[gs.Node], ModuleTable]:
    """Return a model, the tag of each node and the module table.

    A run gives its own, a tagged file those in it; any other model is tagged in memory. Raises HpassError as `load`.
    """
    if not isinstance(source, Run):
        model = load(source)
        if model.stored_version is not None:
            return model, model.stored_tag, model.stored_modules() or ModuleTable()
        source = ensure_tagged(model)
    return source.model, source.tag, source.modules


def read_reference(source: ModelSource | None, *, modules: ModuleTable | None = None) -> Reference | None:
    """Open the model or the `.safetensors` checkpoint of `--reference`; a model is tagged. None if `source` is None.

    Raises UsageError if a checkpoint cannot be read, and HpassError if a model cannot be read.
    """
    if source is None:
        return None
    if isinstance(source, (str, Path)) and Path(source).suffix == CHECKPOINT_SUFFIX:
        return Checkpoint.open(Path(source))
    model = load(source)
    stored = None if modules is not None else _stored_reference(model)
    return stored or as_reference(ensure_tagged(model, modules=modules))


def _stored_reference(model: Model) -> ReferenceModel | None:
    """Return a tagged file as a reference as it is; None if a tag or the table is missing, or depends on calls.

    To tag it again would give the same tags, and takes most of the time that the reference costs.
    """
    table = Context(model).table
    if not table.came_aligned:
        return None
    table.use_declared(tuple)
    tags: IdentityMap[gs.Node, Tag] = IdentityMap()
    for node in model.nodes():
        tag = model.stored_tag(node)
        if tag is None or model.has_note(node, WITHIN):
            return None
        tags[node] = tag
    return ReferenceModel(model, tags, table.modules, table.declared)


def as_reference(tagged: Run) -> ReferenceModel:
    """Return a tagged model as the reference of another run."""
    tags: IdentityMap[gs.Node, Tag] = IdentityMap()
    for node, tag in tagged.tags():
        tags[node] = tag
    return ReferenceModel(tagged.model, tags, tagged.modules, tagged.context.table.declared)

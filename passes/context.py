"""What the passes of one run share: the evidence, the tags, the module table and the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import onnx
import onnx_graphsurgeon as gs

from ..errors import HpassError
from ..evidence.parameter_names import is_parameter
from ..evidence.parameter_uses import ParameterUses
from ..graph.decode import as_text
from ..graph.model import Model
from ..graph.regions import Region
from ..identity_map import IdentityMap
from ..inference.predict import Attribution
from ..restore.checkpoint import Checkpoint
from ..restore.reference_model import ReferenceModel
from ..tags.module_table import ModuleTable, is_descendant, parent
from ..tags.tag_format import Source, Tag
from .findings import Finding, Severity

Reference = ReferenceModel | Checkpoint
"""What `--reference` takes: a tagged twin of the model, or a checkpoint of its weights."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Claim(NamedTuple):
    """One piece of evidence: a module that something in the file names for a node.

    `origin` says what was read (`node name`, `parameter`), `text` is the thing itself as it stands in the file;
    `certain` is False where the text fits other modules as well.
    """

    scope: str
    source: Source
    origin: str
    text: str
    certain: bool = True


class Decision(NamedTuple):
    """A node's tag, why it has it, and the pass that decided."""

    tag: Tag
    reason: str
    decided_by: str


class Context:
    """The state of one run. `graph` is the model's main graph; `modules` the module table in use.

    `declared` is the table that the user handed in (`given`), else the one in the file, else the reference's; None
    where there is none. What evidence shows running is added to `modules` as it is found, its classes to `classes`;
    `closed` are the names between modules that were open, of which most are containers. `settled` says that the
    declared table came in the file's own names, `retag` that tags in the file are no evidence, `rewritten` that a pass
    which may edit the graph has run, `untouched` that the current pass has found the graph to be as it was read.
    `attributions` has a key for each node in `explained`, and a value once dataflow has decided on its module.
    """

    def __init__(
        self,
        model: Model,
        *,
        given: ModuleTable | None = None,
        reference: Reference | None = None,
        retag: bool = False,
        explained: Iterable[gs.Node] = (),
    ) -> None:
        self.model = model
        self.reference = reference
        self.retag = retag
        self.rewritten = False
        self.graph_unchanged = False
        self.findings: list[Finding] = []
        self.declared_table = given or self._embedded()
        # The table that hpass wrote is in the file's own names already.
        self.table_is_aligned = given is None and not retag and model.stored_version is not None
        if self.declared_table is None and isinstance(reference, ReferenceModel):
            self.declared_table, self.table_is_aligned = reference.declared, True
        self._aligned = self.table_is_aligned
        self.modules = ModuleTable()
        self.classes: dict[str, str] = {}
        self.inferred_containers: set[str] = set()
        self.claims: IdentityMap[gs.Node, list[Claim]] = IdentityMap()
        self.attributions: IdentityMap[gs.Node, Attribution | None] = IdentityMap()
        for node in explained:
            self.attributions[node] = None
        self._weights: ParameterUses | None = None
        self._same_weights: Mapping[str, str] | None = None
        self._regions: list[Region] | None = None
        self._rewriting = False
        self._stacks: set[tuple[str | None, ...]] = set()
        self.tagged: Counter[Source] = Counter()
        self.skipped: list[tuple[gs.Node, str]] = []
        self._current_pass = ""
        self._decisions: IdentityMap[gs.Node, Decision] = IdentityMap()

    @property
    def graph(self) -> gs.Graph:
        """The main graph."""
        return self.model.graph

    @property
    def parameter_uses(self) -> ParameterUses:
        """The parameters that nodes read; worked out anew after a pass that may have rewritten the graph."""
        if self._weights is None:
            # A twin knows more of a weight than its name: who reads it.
            names = self.weight_aliases if isinstance(self.reference, Checkpoint) else {}
            self._weights = ParameterUses(self.model, {name: old for name, old in names.items() if is_parameter(old)})
        return self._weights

    @property
    def weight_aliases(self) -> Mapping[str, str]:
        """The reference's names of weights that have lost theirs; found anew after a pass that may have rewritten them.

        Weights are read here, and nowhere else.
        """
        if self.reference is None:
            return _NOTHING
        if self._same_weights is None:
            if self.rewritten:
                # They are read from the message.
                self.model.write_edits()
            self._same_weights = self.reference.renamed_weights(self.model)
        return self._same_weights

    def regions(self) -> list[Region]:
        """Return the main graph, all subgraphs and all function bodies, as they stand."""
        if self._regions is None:
            found = self.model.regions()
            if self._rewriting:
                return found
            self._regions = found
        return self._regions

    def nodes(self) -> Iterator[gs.Node]:
        """Yield every node of every region."""
        for region in self.regions():
            yield from region.graph.nodes

    def tag(self, node: gs.Node) -> Tag | None:
        """Return the node's tag, or None where no pass has given it one."""
        decision = self._decisions.get(node)
        return None if decision is None else decision.tag

    def decision(self, node: gs.Node) -> Decision | None:
        """Return the node's tag with the reason for it."""
        return self._decisions.get(node)

    def reason(self, node: gs.Node) -> str:
        """Return why the node has its tag; empty where it has none."""
        decision = self._decisions.get(node)
        return "" if decision is None else decision.reason

    def set_tag(self, node: gs.Node, tag: Tag, reason: str) -> None:
        """Give a node a tag; `reason` is for people (`the parameter 'fc.weight' that it reads`).

        The modules that it names join the module table.
        """
        known = self._decisions.get(node)
        if known is None or known.tag != tag:
            self.tagged[tag.source] += 1
            self._decisions[node] = Decision(tag, reason, self._current_pass)
            for scope in (tag.scope,) if tag.serves is None else (tag.scope, tag.serves):
                if scope not in self.modules.modules:
                    self.modules.add(scope)

    def skip(self, node: gs.Node, reason: str) -> None:
        """Say why the current pass leaves a node that it would otherwise handle."""
        self.skipped.append((node, reason))

    def begin(self, name: str, *, rewrites: bool) -> None:
        """Start counting for a pass; the base class calls this."""
        self.rewritten |= rewrites
        self.graph_unchanged = False
        if rewrites or self._rewriting:
            self._weights = None
            self._same_weights = None
            self._regions = None
        self._rewriting = rewrites
        self._current_pass = name
        self.tagged.clear()
        self.skipped.clear()

    def tags(self) -> Iterator[tuple[gs.Node, Tag]]:
        """Yield the tagged nodes of the graph as it stands, with their tags."""
        for node in self.nodes():
            decision = self._decisions.get(node)
            if decision is not None:
                yield node, decision.tag

    def claim(self, node: gs.Node, claim: Claim) -> None:
        """Add a piece of evidence for a node, unless it is there already."""
        known = self.claims.get(node)
        if known is None:
            self.claims[node] = [claim]
        elif claim not in known:
            known.append(claim)

    def use_declared(self) -> None:
        """Add the declared table to the one in use, brought to the file's own names by the first pass that asks."""
        if self.declared_table is None:
            return
        if not self._aligned:
            self.declared_table = self.declared_table.aligned({*self.parameter_uses.owners(), *self.modules})
            self._aligned = True
        self.modules.merge(self.declared_table)

    def add_stack(self, scopes: Sequence[str], classes: Sequence[str | None] | None = None) -> None:
        """Remember modules that were open together, outermost first: each was called, so it is a level of its own."""
        key = (*scopes, *(classes or ()))
        if key in self._stacks:
            return
        self._stacks.add(key)
        for scope, kind in zip(scopes, classes or [None] * len(scopes), strict=True):
            self.modules.add(scope, called=True)
            if kind is not None:
                self.classes.setdefault(scope, kind)
        for outer, inner in pairwise(scopes):
            above = parent(inner)
            while is_descendant(above, outer) and above != outer:
                self.inferred_containers.add(above)
                above = parent(above)

    def is_described(self, node: gs.Node) -> bool:
        """Whether the file has metadata for a node."""
        proto = self.model.node_proto(node)
        return proto is not None and len(proto.metadata_props) > 0

    def metadata(self, node: gs.Node) -> Mapping[str, str]:
        """Return the metadata that the file has for a node; empty for a node that a pass created."""
        proto = self.model.node_proto(node)
        if proto is None or not proto.metadata_props:
            return _NOTHING
        return {as_text(prop.key): as_text(prop.value) for prop in proto.metadata_props}

    def proto(self, node: gs.Node) -> onnx.NodeProto | None:
        """Return the message that a node was read from; None for one that a pass created. Not to be changed."""
        return self.model.node_proto(node)

    def add_finding(self, severity: Severity, rule: str, message: str, node: str | None = None) -> None:
        """Report something about the model; `node` is a position."""
        self.findings.append(Finding(severity, rule, message, node))

    def _embedded(self) -> ModuleTable | None:
        """Return the module table in the file, the exporter's with what hpass wrote; a broken one does not count."""
        tables: list[ModuleTable] = []
        readers = (self.model.exported_modules, self.model.stored_modules)
        for read in readers[: 1 if self.retag else 2]:
            try:
                table = read()
            except HpassError as error:
                self.add_finding(Severity.WARNING, "broken-module-table", f"{error}; it is not used")
                continue
            if table is not None:
                tables.append(table)
        if not tables:
            return None
        merged = ModuleTable()
        for table in tables:
            merged.merge(table)
        return merged

"""What the passes of one run share: the model, its reference, the evidence, the tags, the table and the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import onnx
import onnx_graphsurgeon as gs

from ..errors import HpassError
from ..evidence.claims import NO_ALIASES, Evidence
from ..evidence.parameter_names import is_parameter
from ..evidence.parameter_uses import ParameterUses
from ..graph.edits import Edits
from ..graph.model import Model
from ..graph.regions import Region
from ..identity_map import IdentityMap
from ..inference.attribution import Attribution
from ..restore.checkpoint import Checkpoint
from ..restore.reference_model import ReferenceModel
from ..tags.module_table import ModuleTable
from ..tags.table_in_use import TableInUse
from ..tags.tag_format import WITHIN, Source, Tag
from ..tags.tag_store import Decision, TagStore
from .findings import Findings, Severity

Reference = ReferenceModel | Checkpoint
"""What `--reference` takes: a tagged model of the same origin, or a checkpoint of the model's weights."""


@dataclass
class PassRecord:
    """What one pass has done so far: tags given, by source, and nodes that it left, with the reason."""

    name: str = ""
    rewrites: bool = False
    tagged: Counter[Source] = field(default_factory=Counter[Source])
    skipped: list[tuple[gs.Node, str]] = field(default_factory=list[tuple[gs.Node, str]])


class Context:
    """The state of one run.

    `evidence` is what the file says, `tags` what passes decided, `table` the modules in use, `findings` what there is
    to say about the model. `retag` says that tags in the file are no evidence, `rewritten` that a pass which may edit
    the graph has run, `graph_unchanged` that the current pass has found the graph to be as it was read, and
    `reference_differs` that tags come from a reference of another model, so that none may be `high`. `attributions`
    has a key for each node in `explained`, and a value once inference has decided on the node's module.
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
        self.reference_differs = False
        self.beyond_reference: IdentityMap[gs.Node, bool] = IdentityMap()
        self.findings = Findings()
        self.evidence = Evidence(model, self._find_parameter_uses, self._find_weight_aliases)
        self.tags = TagStore()
        self.table = self._table(given)
        self.attributions: IdentityMap[gs.Node, Attribution | None] = IdentityMap()
        for node in explained:
            self.attributions[node] = None
        self._calls_are_wanted = False
        self._calls_are_current = False
        self._record = PassRecord()
        self._regions: list[Region] | None = None
        self._outlined: IdentityMap[gs.Node, None] | None = None

    @property
    def graph(self) -> gs.Graph:
        """The main graph."""
        return self.model.graph

    def regions(self) -> list[Region]:
        """Return the main graph, all subgraphs and all function bodies, as they stand."""
        if self._regions is None:
            found = self.model.regions()
            if self._record.rewrites:
                return found
            self._regions = found
        return self._regions

    def nodes(self) -> Iterator[gs.Node]:
        """Yield every node of every region."""
        for region in self.regions():
            yield from region.graph.nodes

    def tagged_nodes(self) -> Iterator[tuple[gs.Node, Tag]]:
        """Yield the tagged nodes of the graph as it stands, with their tags."""
        for region in self.regions():
            nodes = region.graph.nodes
            for node, decision in zip(nodes, self.tags.decisions(nodes), strict=True):
                if decision is not None:
                    yield node, decision.tag

    def distinct_tags(self) -> Iterable[Tag]:
        """Return each tag that nodes have, once, in the order of its first node."""
        return dict.fromkeys(tag for _, tag in self.tagged_nodes())

    def set_tag(self, node: gs.Node, tag: Tag, reason: str) -> None:
        """Give a node a tag; `reason` is for people (`it reads the parameter 'fc.weight'`).

        The modules that the tag names join the table. A number of a call is left out: only `set_call` gives one.
        """
        if tag.call is not None:
            tag = tag._replace(call=None)
        if self.tags.decide(node, Decision(tag, reason, self._record.name)):
            self._calls_are_current = False
            self._record.tagged[tag.source] += 1
            self.table.add(tag.scope)
            if tag.serves is not None:
                self.table.add(tag.serves)

    def set_call(self, node: gs.Node, number: int) -> None:
        """Give a tagged node the number of its module's call, from 0."""
        self.tags.set_call(node, number)

    def forget_calls(self) -> None:
        """Remove the numbers of calls from all tags, because the caller counts them again."""
        self.tags.forget_calls()
        self._calls_are_wanted = self._calls_are_current = True

    @property
    def calls_are_outdated(self) -> bool:
        """Whether passes have tagged or edited nodes since the calls were numbered."""
        return self._calls_are_wanted and not self._calls_are_current

    def is_outlined(self, node: gs.Node) -> bool:
        """Whether a node is in a function that `outline` made of a module, so that its tag depends on the calls."""
        if self._outlined is None:
            self._outlined = IdentityMap()
            for region in self.regions():
                if region.function is not None:
                    for inner in region.graph.nodes:
                        if self.model.has_note(inner, WITHIN):
                            self._outlined[inner] = None
        return node in self._outlined

    def edit_messages(self, edit: Callable[[onnx.ModelProto, IdentityMap[onnx.NodeProto, Decision]], Edits]) -> bool:
        """Let a function edit the messages of the model, and the decisions about their nodes; return whether it did.

        The graph is imported anew, so nodes and regions that a pass holds are no longer those of the model.
        """
        decisions: IdentityMap[onnx.NodeProto, Decision] = IdentityMap()

        def edit_with_decisions(model: onnx.ModelProto) -> Edits:
            for node, message in self.model.messages():
                decision = self.tags.decision(node)
                if decision is not None:
                    decisions[message] = decision
            return edit(model, decisions)

        is_edited = self.model.edit_messages(edit_with_decisions)
        if is_edited:
            self.evidence.forget_graph()
            self._regions = self._outlined = None
            self._calls_are_current = False
            for node, message in self.model.messages():
                decision = decisions.get(message)
                if decision is not None:
                    # The graph has other calls now.
                    self.tags.decide(node, decision._replace(tag=decision.tag._replace(call=None)))
        return is_edited

    def add_stack(self, scopes: Sequence[str], classes: Sequence[str | None] | None = None) -> None:
        """Remember modules that were open together, outermost first: each of them was called."""
        if self.evidence.add_stack(scopes, classes):
            for scope in scopes:
                self.table.modules.add(scope, called=True)

    def skip(self, node: gs.Node, reason: str) -> None:
        """Say why the current pass leaves a node that it would otherwise handle."""
        self._record.skipped.append((node, reason))

    def begin(self, name: str, *, rewrites: bool) -> PassRecord:
        """Start the record of a pass and return it; the base class calls this."""
        self.rewritten |= rewrites
        self.graph_unchanged = False
        if rewrites or self._record.rewrites:
            self.evidence.forget_graph()
            self._regions = self._outlined = None
            self._calls_are_current = False
        self._record = PassRecord(name, rewrites)
        return self._record

    def _table(self, given: ModuleTable | None) -> TableInUse:
        if given:
            return TableInUse(given)
        exported = self._embedded_table(self.model.exported_modules)
        stored = None if self.retag else self._embedded_table(self.model.stored_modules)
        if stored is not None:
            # What an earlier run wrote is in the file's own names, and holds the exporter's table but for its order.
            return TableInUse(stored if exported is None else stored.in_order_of(exported), came_aligned=True)
        if exported is None and isinstance(self.reference, ReferenceModel):
            return TableInUse(self.reference.declared, came_aligned=True)
        return TableInUse(exported)

    def _embedded_table(self, read: Callable[[], ModuleTable | None]) -> ModuleTable | None:
        """Return a module table in the file; a broken one does not count."""
        try:
            return read()
        except HpassError as error:
            self.findings.add(Severity.WARNING, "broken-module-table", f"{error}; it is not used")
            return None

    def use_declared_table(self) -> None:
        """Add the declared table to the one in use, in the file's own names."""
        self.table.use_declared(self.evidence.parameter_owners)

    def _find_parameter_uses(self) -> ParameterUses:
        # A reference model knows more of a weight than its name: who reads it.
        names: Mapping[str, str] = self.evidence.weight_aliases if isinstance(self.reference, Checkpoint) else {}
        restored = {name: old for name, old in names.items() if is_parameter(old)}
        return ParameterUses(self.model, restored, self.evidence.name_prefixes)

    def _find_weight_aliases(self) -> Mapping[str, str]:
        if self.reference is None:
            return NO_ALIASES
        if self.rewritten:
            # Weights are read from the message.
            self.model.write_edits()
        return self.reference.renamed_weights(self.model)

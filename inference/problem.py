"""What inference is given for one region: its dataflow, the module tree, and which nodes are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..graph.regions import Region
from ..tags.table_in_use import TableInUse
from ..tags.tag_format import Confidence, Source, Tag
from .anchors import Anchors
from .arrays import UNKNOWN, Flags, Floats, Ids, as_ints
from .block_analogy import analogous_modules
from .call_alignment import aligned_modules
from .call_sequence import CallSequence
from .candidates import paths_between_anchors
from .dataflow import Dataflow
from .gaps import Gap, find_gaps
from .module_index import ModuleIndexes
from .node_order import node_order
from .reachability import Reachable, reachable_modules
from .scope_tree import ScopeTree
from .transitions import boundary_features


@dataclass(frozen=True, eq=False, kw_only=True)
class InferenceProblem:
    """One region whose unknown nodes are to be assigned to modules.

    Nodes are numbered in node order (`node_order.py`), modules as in `tree`. Arrays have the shape (nodes,) and are
    int64 unless said otherwise; UNKNOWN stands for no module.

    flow: the nodes and the edges between them.
    file_position: the position of each node in the file's region.
    tree: the modules that exist.
    known_scope: the module of each known node, UNKNOWN for the nodes to infer.
    is_certain: whether each node is known by more than parameters that other modules may read, or a reference that is
        not sure, bool.
    is_high: whether each node is known with the confidence `high`, bool.
    region_scope: the module that the region itself runs in.
    has_parameters: whether each module owns parameters, bool, shape (modules,).
    block_analogue: the module of each unknown node by `block_analogy.py`, or UNKNOWN.
    aligned: the module of each unknown node by `call_alignment.py`, or UNKNOWN.
    calls: the calls of the module table; empty without one.
    without_table: the module of each unknown node if there were no module table, or UNKNOWN.
    share_named: share of the nodes (0 to 1) that are known by more than the parameters they read.
    """

    flow: Dataflow
    file_position: Ids
    tree: ScopeTree
    known_scope: Ids
    is_certain: Flags
    is_high: Flags
    region_scope: int
    has_parameters: Flags
    block_analogue: Ids
    aligned: Ids
    calls: CallSequence
    without_table: Ids
    share_named: float

    @cached_property
    def is_known(self) -> Flags:
        """Whether each node is known."""
        return self.known_scope >= 0

    @cached_property
    def unknown(self) -> Ids:
        """The unknown nodes in order, shape (unknown nodes,)."""
        return np.flatnonzero(~self.is_known)

    @cached_property
    def anchor_scope(self) -> Ids:
        """The modules of the anchors, which are the known and the aligned nodes; UNKNOWN for the other nodes."""
        return np.where(self.is_known, self.known_scope, self.aligned)

    @cached_property
    def anchors(self) -> Anchors:
        """The anchors around each node."""
        return Anchors.of(self.anchor_scope, self.region_scope)

    @cached_property
    def order_lca(self) -> Ids:
        """The LCA of the anchors around each node: the module that the order of nodes alone points to."""
        return self.anchors.lca(self.tree)

    @cached_property
    def order_candidates(self) -> list[tuple[Ids, Ids]]:
        """Rows (node, candidate) that do not depend on the assignment: from the order of nodes and of calls."""
        return [
            paths_between_anchors(self.unknown, self.tree, self.anchors),
            self.calls.between_anchors(self.unknown, self.anchors),
        ]

    @cached_property
    def downstream(self) -> Reachable:
        """The modules of the known nodes that each node reaches along its consumers."""
        return reachable_modules(self.flow, self.known_scope, self.tree, downstream=True)

    @cached_property
    def upstream(self) -> Reachable:
        """The modules of the known nodes that each node reaches along its producers."""
        return reachable_modules(self.flow, self.known_scope, self.tree, downstream=False)

    @cached_property
    def gaps(self) -> list[Gap]:
        """The runs of unknown nodes, with the states of the hidden Markov model over each."""
        return find_gaps(
            self.known_scope,
            region_scope=self.region_scope,
            tree=self.tree,
            calls=self.calls,
            block_analogue=self.block_analogue,
        )

    @cached_property
    def boundary_features(self) -> Floats:
        """Features of the boundaries between nodes, shape (nodes + 1, features)."""
        return boundary_features(self.flow, self.gaps)


def has_anchors(region: Region, tags: Sequence[Tag | None], table: TableInUse) -> bool:
    """Whether a region has anything to infer from: a tag, or if it is the main graph, the calls of a module table."""
    if any(tags):
        return True
    # An aligned table is the result of an earlier run, which has already tagged what the table alone can tag.
    declared = None if region.position or table.came_aligned else table.declared
    return declared is not None and any(scope and declared.is_called(scope) for scope in declared)


def build_problem(
    region: Region, region_scope: str, tags: Sequence[Tag | None], indexes: ModuleIndexes
) -> InferenceProblem:
    """Return the problem of a region that runs in the module `region_scope`.

    `tags` are those of its nodes, None for unknown nodes.
    """
    nodes = list(region.graph.nodes)
    scopes = [None if tag is None else tag.scope for tag in tags]
    flow = Dataflow(nodes)
    order = node_order(flow, scopes)
    if (np.diff(order) < 0).any():
        flow = Dataflow([nodes[position] for position in as_ints(order)])
        scopes = [scopes[position] for position in as_ints(order)]
    analogue = analogous_modules(flow, scopes)
    if indexes.has_table:
        analogue = {node: scope for node, scope in analogue.items() if indexes.modules.is_called(scope)}
    aligned = aligned_modules(flow, scopes, indexes.calls)
    known = [scope for scope in scopes if scope is not None]
    index = indexes.containing(dict.fromkeys([region_scope, *known, *analogue.values()]))
    tree = index.tree
    return InferenceProblem(
        flow=flow,
        file_position=order,
        tree=tree,
        known_scope=_numbers(scopes, tree),
        is_certain=np.array([_is_certain(tags[position]) for position in as_ints(order)], np.bool_),
        is_high=np.array([_is_high(tags[position]) for position in as_ints(order)], np.bool_),
        region_scope=int(_numbers([region_scope], tree)[0]),
        has_parameters=index.has_parameters,
        block_analogue=_numbers(map(analogue.get, range(len(flow))), tree),
        aligned=_numbers(map(aligned.get, range(len(flow))), tree),
        calls=index.calls,
        without_table=np.full(len(flow), UNKNOWN),
        share_named=sum(tag is not None and tag.source is not Source.PARAMETER for tag in tags) / len(tags),
    )


def _is_certain(tag: Tag | None) -> bool:
    return tag is not None and (tag.source not in (Source.PARAMETER, Source.REFERENCE) or _is_high(tag))


def _is_high(tag: Tag | None) -> bool:
    return tag is not None and tag.confidence is Confidence.HIGH


def _numbers(scopes: Iterable[str | None], tree: ScopeTree) -> Ids:
    """Return the numbers of some modules: UNKNOWN for None and for a module that is not in the tree."""
    found = (None if scope is None else tree.id(scope) for scope in scopes)
    return np.array([UNKNOWN if number is None else number for number in found], np.int64)

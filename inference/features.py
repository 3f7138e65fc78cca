"""The kinds of evidence for a node lying in a module, each a number between -1 and 1 for every candidate.

`EVIDENCE` names them all, in the order of the weights; `hpass show` prints them by these names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .call_alignment import names_overlap
from .candidates import UNKNOWN, Anchors, CallOrder, Candidates, anchor_lca, segment_lca
from .class_statistics import OTHER_CLASS, ClassStatistics
from .dataflow import Dataflow, Role
from .forward_backward import LogPosterior
from .reachability import Reachable
from .scope_tree import Flags, Ids, ScopeTree
from .sorted_lookup import Column, SortedLookup
from .wl_colours import similar_nodes


@dataclass
class FeatureContext:
    """Where do these nodes lie: what is known (`known` flags, `modules` of known nodes), and the best guess so far.

    `guess` holds a module for every node and `sure` how likely it is (1 where known); `owns` tells which modules have
    parameters of their own, `suggested` the module that a node's twins suggest and `aligned` the one that the order of
    calls puts it into (or UNKNOWN), `calls` the order of calls itself.
    """

    flow: Dataflow
    tree: ScopeTree
    known: Flags
    assignment: Ids
    probability: Column
    block_analogue: Ids
    aligned: Ids
    calls: CallOrder
    anchors: Anchors
    has_parameters: Flags
    posterior: LogPosterior
    downstream: Reachable
    upstream: Reachable
    class_statistics: ClassStatistics
    candidates: Candidates

    @cached_property
    def node(self) -> Ids:
        """The node of each row."""
        return self.candidates.node

    @cached_property
    def scope(self) -> Ids:
        """The candidate module of each row."""
        return self.candidates.scope

    @cached_property
    def anchor_lca(self) -> Ids:
        """The answer of the order alone, for each node."""
        return anchor_lca(self.tree, self.anchors)

    @cached_property
    def consumers(self) -> Neighbours:
        """The nodes that read what a row's node writes."""
        return Neighbours(self, self.flow.sources, self.flow.targets)

    @cached_property
    def producers(self) -> Neighbours:
        """The nodes that write what a row's node reads, constants left out."""
        keep = self.flow.role[self.flow.sources] != Role.CONSTANT
        return Neighbours(self, self.flow.targets[keep], self.flow.sources[keep])

    @cached_property
    def first_consumer(self) -> Ids:
        """The first node in file order that reads what each node writes, or UNKNOWN."""
        first = np.full(len(self.flow), len(self.flow), np.int64)
        np.minimum.at(first, self.flow.sources, self.flow.targets)
        return np.where(first < len(self.flow), first, UNKNOWN)

    @cached_property
    def last_producer(self) -> Ids:
        """The last node in file order whose data each node reads, or UNKNOWN."""
        last = np.full(len(self.flow), UNKNOWN, np.int64)
        handles = self.flow.role[self.flow.sources] != Role.CONSTANT
        np.maximum.at(last, self.flow.targets[handles], self.flow.sources[handles])
        return last

    @cached_property
    def pattern_counts(self) -> tuple[Column, Column]:
        """How many known nodes lie in modules of each kind, and how many of those have each operator, per row."""
        return self._counts(self.tree.digit_pattern_id)

    @cached_property
    def class_group_counts(self) -> tuple[Column, Column]:
        """How many known nodes lie in modules like each row's, and how many of those have each operator, per row."""
        return self._counts(self.tree.class_group_id)

    @cached_property
    def counts_below(self) -> Ids:
        """How many known nodes lie in modules below those that are like each row's."""
        tree = self.tree
        own = np.bincount(self.assignment[self.known], minlength=len(tree))
        within = np.append(0, np.cumsum(own[tree.by_preorder]))
        deeper = within[tree.subtree_end] - within[tree.preorder] - own
        return np.bincount(tree.class_group_id, deeper, int(tree.class_group_id.max()) + 1)[
            tree.class_group_id[self.scope]
        ]

    def _counts(self, numbers: Ids) -> tuple[Column, Column]:
        """Count known nodes by the number of their module, and by that and their operator, for each row."""
        operators = self.flow.operators
        width = int(operators.max(initial=0)) + 1
        theirs, row = numbers[self.assignment[self.known]], numbers[self.scope]
        alone = np.bincount(theirs, minlength=int(numbers.max()) + 1)
        both = np.bincount(theirs * width + operators[self.known], minlength=len(alone) * width)
        return alone[row].astype(float), both[row * width + operators[self.node]].astype(float)


class Neighbours:
    """How the guessed modules of a node's neighbours lie to each of its candidates."""

    def __init__(self, question: FeatureContext, owners: Ids, others: Ids) -> None:
        tree = question.tree
        order = np.argsort(owners, kind="stable")
        owners, others = owners[order], others[order]
        degree = np.bincount(owners, minlength=len(question.flow))
        offsets = np.append(0, np.cumsum(degree))[:-1]
        counts = degree[question.node]
        rows = np.repeat(np.arange(len(counts)), counts)
        within_row = np.arange(len(rows)) - np.repeat(np.append(0, np.cumsum(counts))[:-1], counts)
        theirs = question.assignment[others[offsets[question.node[rows]] + within_row]]
        ours = question.scope[rows]
        who = others[offsets[question.node[rows]] + within_row]
        here, inside = theirs == ours, tree.is_descendant(theirs, ours)
        total = np.maximum(counts, 1)
        size = len(counts)
        known, sure = question.known[who], np.where(question.known[who], 0.0, question.probability[who])
        self.known_here: Column = np.bincount(rows, here & known, size) / total
        self.known_below: Column = np.bincount(rows, inside & ~here & known, size) / total
        self.known_elsewhere: Column = np.bincount(rows, ~inside & known, size) / total
        self.here: Column = np.bincount(rows, here * sure, size) / total
        self.below: Column = np.bincount(rows, (inside & ~here) * sure, size) / total
        self.elsewhere: Column = np.bincount(rows, ~inside * sure, size) / total
        self.is_lca_of_parents: Column = (_lca_of_parents(question, owners, others) == question.scope).astype(float)
        common = segment_lca(owners, question.assignment[others], len(question.flow), tree)
        self.lca: Ids = common[question.node]
        self.is_lca: Column = (self.lca == question.scope).astype(float)


def _lca_of_parents(question: FeatureContext, owners: Ids, others: Ids) -> Ids:
    """Return where a row's neighbours meet, those in a module without modules below it counting as in its parent."""
    tree = question.tree
    open_modules = tree.self_or_parent_of_leaf[question.assignment[others]]
    return segment_lca(owners, open_modules, len(question.flow), tree)[question.node]


def _as_column(flags: npt.NDArray[np.bool_]) -> Column:
    return flags.astype(float)


def _strictly_above(question: FeatureContext, ends: Ids) -> Column:
    """Whether the candidate lies between the order's answer and one end of the gap, neither of them."""
    tree, scope = question.tree, question.scope
    bottom, end = question.anchor_lca[question.node], ends[question.node]
    return _as_column(
        tree.is_descendant(end, scope) & (scope != end) & tree.is_descendant(scope, bottom) & (scope != bottom)
    )


def _adjacent(question: FeatureContext, step: int) -> Ids:
    """Return the node before (-1) or behind (1) each node; UNKNOWN at the ends."""
    at = np.arange(len(question.flow)) + step
    return np.where((at >= 0) & (at < len(question.flow)), at, UNKNOWN)


def _neighbour_is(question: FeatureContext, neighbours: Ids) -> Column:
    """Whether one neighbour (by node, or UNKNOWN) lies in the candidate, as far as that is sure."""
    at = neighbours[question.node]
    same = (at >= 0) & (question.assignment[at] == question.scope)
    return _as_column(same) * question.probability[at]


def _known_neighbour_is(question: FeatureContext, neighbours: Ids) -> Column:
    at = neighbours[question.node]
    return _as_column((at >= 0) & question.known[at] & (question.assignment[at] == question.scope))


def _neighbour_is_below(question: FeatureContext, neighbours: Ids) -> Column:
    at = neighbours[question.node]
    theirs = question.assignment[at]
    below = (at >= 0) & (theirs != question.scope) & question.tree.is_descendant(theirs, question.scope)
    return _as_column(below) * question.probability[at]


def _is_lca_of_neighbours(question: FeatureContext) -> Column:
    """Whether the candidate is where the node's producers and consumers meet."""
    ours, theirs = question.producers.lca, question.consumers.lca
    both = (ours >= 0) & (theirs >= 0)
    common = question.tree.lca(np.maximum(ours, 0), np.maximum(theirs, 0))
    return _as_column(both & (common == question.scope))


def _similar_nodes_share(question: FeatureContext) -> Column:
    """Return the share of the node's twins that lie in a module of the candidate's kind."""
    tree = question.tree
    kinds = tree.digit_pattern_id[question.assignment]
    node, kind, share = similar_nodes(question.flow, question.known, kinds)
    width = int(tree.digit_pattern_id.max()) + 1
    return SortedLookup.of(node * width + kind, share).get(
        question.node * width + tree.digit_pattern_id[question.scope], 0.0
    )


def _is_called_between(question: FeatureContext) -> Flags:
    place = question.calls.position
    ours = place[question.scope]
    before, after = place[question.anchors.before[question.node]], place[question.anchors.after[question.node]]
    # A module that is open for the next node as well is on the way there, not between.
    on_the_way = question.tree.is_descendant(question.anchors.after[question.node], question.scope)
    return (ours >= 0) & (before >= 0) & (before < ours) & (ours < after) & ~on_the_way


def _is_only_call(question: FeatureContext) -> Flags:
    between = _is_called_between(question)
    counts = np.bincount(question.node[between], minlength=len(question.flow))
    return counts[question.node] == 1


def _name_overlap(question: FeatureContext) -> Column:
    """Whether the node's operator and the candidate's class have a name in common."""
    names = [None if name is None else name.rpartition(".")[2] for name in question.tree.classes]
    return _by_class(question, names, lambda name, operator: float(name is not None and names_overlap(operator, name)))


def _by_torch_class(question: FeatureContext, value: Callable[[str | None, str], float]) -> Column:
    """Return a value of each row's class (one of PyTorch's own, OTHER, or None where it is unknown) and operator."""
    names = [question.class_statistics.counted_name(name) for name in question.tree.classes]
    return _by_class(question, names, value)


def _by_class(
    question: FeatureContext, names: Sequence[str | None], value: Callable[[str | None, str], float]
) -> Column:
    """Return a value of each row's class, by the names that the tree's classes have here, and its node's operator."""
    flow, tree = question.flow, question.tree
    table = np.array([[value(name, operator) for operator in flow.operator_names] for name in names], float)
    return table[tree.class_id[question.scope], flow.operators[question.node]]


def _operator_share(question: FeatureContext) -> Column:
    """Return which share of the known nodes in modules of this kind have the node's operator."""
    by_kind, both = question.pattern_counts
    return both / np.maximum(by_kind, 1.0)


def _log_posterior(question: FeatureContext) -> Column:
    """Return the logarithm of the module's probability on the course through the gap, from -1 to 0."""
    course, width = question.posterior, len(question.tree)
    likely = SortedLookup.of(
        course.node * width + course.scope, np.maximum(course.log_probability, -_MIN_LOG_POSTERIOR)
    )
    return likely.get(question.node * width + question.scope, -_MIN_LOG_POSTERIOR) / _MIN_LOG_POSTERIOR


def _posterior(question: FeatureContext) -> Column:
    """Return the module's probability on the course through the gap."""
    course = _log_posterior(question) * _MIN_LOG_POSTERIOR
    return np.where(course > -_MIN_LOG_POSTERIOR, np.exp(course), 0.0)


# Less likely than this (a natural logarithm) is all the same.
_MIN_LOG_POSTERIOR = 8.0


def _reached(question: FeatureContext, modules: Ids) -> tuple[Flags, Flags, Flags]:
    """Return whether a module per node is the candidate itself, lies in it, is known at all."""
    theirs = modules[question.node]
    known = theirs >= 0
    return theirs == question.scope, known & question.tree.is_descendant(np.maximum(theirs, 0), question.scope), known


def _reached_deeper(question: FeatureContext, modules: Ids) -> Column:
    here, inside, _ = _reached(question, modules)
    return _as_column(inside & ~here)


def _reached_elsewhere(question: FeatureContext, modules: Ids) -> Column:
    _, inside, known = _reached(question, modules)
    return _as_column(known & ~inside)


def _unconnected(question: FeatureContext) -> Column:
    """Whether nothing known that the node is connected with lies in the candidate."""
    inside = np.zeros(len(question.node), np.bool_)
    for reach in (question.downstream, question.upstream):
        for modules in reach:
            inside |= _reached(question, modules)[1]
    return _as_column(~inside)


def _between(question: FeatureContext) -> Column:
    """Whether the candidate is where the nearest known nodes meet that the node is connected with."""
    ours, theirs = question.downstream.nearest, question.upstream.nearest
    both = (ours >= 0) & (theirs >= 0)
    common = question.tree.lca(np.maximum(ours, 0), np.maximum(theirs, 0))
    return _as_column(both[question.node] & (common[question.node] == question.scope))


FEATURES: dict[str, Callable[[FeatureContext], Column]] = {
    "the last known node before it lies here": lambda q: _as_column(q.anchors.before[q.node] == q.scope),
    "the next known node behind it lies here": lambda q: _as_column(q.anchors.after[q.node] == q.scope),
    "right behind a known node that lies here": lambda q: _as_column(
        (q.anchors.before[q.node] == q.scope) & (q.anchors.distance_before[q.node] == 1)
    ),
    "right before a known node that lies here": lambda q: _as_column(
        (q.anchors.after[q.node] == q.scope) & (q.anchors.distance_after[q.node] == 1)
    ),
    "the order alone answers this": lambda q: _as_column(q.anchor_lca[q.node] == q.scope),
    "above the last known node": lambda q: _strictly_above(q, q.anchors.before),
    "above the next known node": lambda q: _strictly_above(q, q.anchors.after),
    "holds what the order answers": lambda q: _as_column(
        q.tree.is_descendant(q.anchor_lca[q.node], q.scope) & (q.anchor_lca[q.node] != q.scope)
    ),
    "the node before it lies here": lambda q: _neighbour_is(q, _adjacent(q, -1)),
    "the node before it lies deeper in here": lambda q: _neighbour_is_below(q, _adjacent(q, -1)),
    "the node behind it lies here": lambda q: _neighbour_is(q, _adjacent(q, 1)),
    "the node behind it lies deeper in here": lambda q: _neighbour_is_below(q, _adjacent(q, 1)),
    "known consumers lie here": lambda q: q.consumers.known_here,
    "known consumers lie deeper in here": lambda q: q.consumers.known_below,
    "known consumers lie elsewhere": lambda q: q.consumers.known_elsewhere,
    "its consumers lie here": lambda q: q.consumers.here,
    "its consumers lie deeper in here": lambda q: q.consumers.below,
    "its consumers lie elsewhere": lambda q: q.consumers.elsewhere,
    "its consumers meet here": lambda q: q.consumers.is_lca,
    "its consumers meet here, leaves counting as their parents": lambda q: q.consumers.is_lca_of_parents,
    "known producers lie here": lambda q: q.producers.known_here,
    "known producers lie deeper in here": lambda q: q.producers.known_below,
    "known producers lie elsewhere": lambda q: q.producers.known_elsewhere,
    "its producers lie here": lambda q: q.producers.here,
    "its producers lie deeper in here": lambda q: q.producers.below,
    "its producers lie elsewhere": lambda q: q.producers.elsewhere,
    "its producers meet here": lambda q: q.producers.is_lca,
    "its first consumer lies here": lambda q: _neighbour_is(q, q.first_consumer),
    "its first consumer is known to lie here": lambda q: _known_neighbour_is(q, q.first_consumer),
    "its first consumer lies deeper in here": lambda q: _neighbour_is_below(q, q.first_consumer),
    "its last producer lies here": lambda q: _neighbour_is(q, q.last_producer),
    "its last producer is known to lie here": lambda q: _known_neighbour_is(q, q.last_producer),
    "its last producer lies deeper in here": lambda q: _neighbour_is_below(q, q.last_producer),
    "its producers meet here, leaves counting as their parents": lambda q: q.producers.is_lca_of_parents,
    "its producers and consumers meet here": _is_lca_of_neighbours,
    "the innermost module that the last known node left open": lambda q: _as_column(
        q.tree.self_or_parent_of_leaf[q.anchors.before[q.node]] == q.scope
    ),
    "the innermost module open for the next known node": lambda q: _as_column(
        q.tree.self_or_parent_of_leaf[q.anchors.after[q.node]] == q.scope
    ),
    "its twins' module with the numbers replaced": lambda q: _as_column(q.block_analogue[q.node] == q.scope),
    "its twins suggest another module": lambda q: _as_column(
        (q.block_analogue[q.node] >= 0) & (q.block_analogue[q.node] != q.scope)
    ),
    "the table's order of calls puts it here": lambda q: _as_column(q.aligned[q.node] == q.scope),
    "the table's order of calls puts it elsewhere": lambda q: _as_column(
        (q.aligned[q.node] >= 0) & (q.aligned[q.node] != q.scope)
    ),
    "the table calls the module between the nodes around it": lambda q: _as_column(_is_called_between(q)),
    "the only module that the table calls between the nodes around it": lambda q: _as_column(
        _is_called_between(q) & _is_only_call(q)
    ),
    "its operator resembles the module's class": _name_overlap,
    "calls in order pass through here": _log_posterior,
    "calls in order are here": _posterior,
    "what depends on it is first known here": lambda q: _as_column(_reached(q, q.downstream.nearest)[0]),
    "what depends on it is first known deeper in here": lambda q: _reached_deeper(q, q.downstream.nearest),
    "what depends on it is first known elsewhere": lambda q: _reached_elsewhere(q, q.downstream.nearest),
    "all that is known to depend on it meets here": lambda q: _as_column(_reached(q, q.downstream.lca)[0]),
    "what it depends on is last known here": lambda q: _as_column(_reached(q, q.upstream.nearest)[0]),
    "what it depends on is last known deeper in here": lambda q: _reached_deeper(q, q.upstream.nearest),
    "what it depends on is last known elsewhere": lambda q: _reached_elsewhere(q, q.upstream.nearest),
    "all that it is known to depend on meets here": lambda q: _as_column(_reached(q, q.upstream.lca)[0]),
    "between what it depends on and what depends on it": _between,
    "nothing known that it is connected with lies here": _unconnected,
    "torch makes its operator of modules of this class": lambda q: _by_torch_class(q, q.class_statistics.pmi),
    "torch makes many nodes of modules of this class": lambda q: _by_torch_class(
        q, lambda name, _: q.class_statistics.nodes_per_module(name)
    ),
    "the module is one of torch's own": lambda q: _by_torch_class(
        q, lambda name, _: float(name not in {None, OTHER_CLASS})
    ),
    "the module is of a class that is not torch's own": lambda q: _by_torch_class(
        q, lambda name, _: float(name == OTHER_CLASS)
    ),
    "the module has only numbered modules below it": lambda q: _as_column(q.tree.only_numbered[q.scope]),
    "its operator in modules of this class": lambda q: (
        q.class_group_counts[1] / np.maximum(q.class_group_counts[0], 1.0)
    ),
    "its operator is known in modules of this class": lambda q: _as_column(q.class_group_counts[1] > 0),
    "modules of this class are known without its operator": lambda q: _as_column(
        (q.class_group_counts[0] > 0) & (q.class_group_counts[1] == 0)
    ),
    "modules of this class are known, but only below them": lambda q: _as_column(
        (q.class_group_counts[0] == 0) & (q.counts_below > 0)
    ),
    "the module has no module below it": lambda q: _as_column(~q.tree.has_children[q.scope]),
    "the module has no module below it, but parameters": lambda q: _as_column(
        ~q.tree.has_children[q.scope] & q.has_parameters[q.scope]
    ),
    "the module has parameters of its own": lambda q: _as_column(q.has_parameters[q.scope]),
    "depth below the order's answer": lambda q: np.clip(
        (q.tree.depth[q.scope] - q.tree.depth[q.anchor_lca[q.node]]) / 4.0, -1.0, 1.0
    ),
    "nodes like it lie in modules like this": _similar_nodes_share,
    "its operator in modules like this": _operator_share,
    "its operator is known in modules like this": lambda q: _as_column(q.pattern_counts[1] > 0),
    "modules like this are known without its operator": lambda q: _as_column(
        (q.pattern_counts[0] > 0) & (q.pattern_counts[1] == 0)
    ),
}


def feature_matrix(question: FeatureContext, rows: Ids | slice = slice(None)) -> npt.NDArray[np.float64]:
    """Return a column for each of `FEATURES`, in order, and a row for each candidate, or for those in `rows`."""
    return np.column_stack([kind(question)[rows] for kind in FEATURES.values()])

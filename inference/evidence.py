"""The kinds of evidence for a node lying in a module, each a number between -1 and 1 for every candidate.

`EVIDENCE` names them all, in the order of the weights; `hpass show` prints them by these names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .calls import resembles
from .candidates import UNKNOWN, Calls, Candidates, Gaps, bottoms, common_of
from .classes import OTHER, ClassOperators
from .course import Thought
from .flow import Flow, Role
from .lookup import Column, Lookup
from .reach import Reach
from .tree import Flags, Ids, ScopeTree
from .twins import twin_kinds


@dataclass
class Question:
    """Where do these nodes lie: what is known (`known` flags, `modules` of known nodes), and the best guess so far.

    `guess` holds a module for every node and `sure` how likely it is (1 where known); `owns` tells which modules have
    parameters of their own, `suggested` the module that a node's twins suggest and `aligned` the one that the order of
    calls puts it into (or UNKNOWN), `calls` the order of calls itself.
    """

    flow: Flow
    tree: ScopeTree
    known: Flags
    guess: Ids
    sure: Column
    suggested: Ids
    aligned: Ids
    calls: Calls
    gaps: Gaps
    owns: Flags
    course: Thought
    consumed: Reach
    fed: Reach
    class_operators: ClassOperators
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
    def bottom(self) -> Ids:
        """The answer of the order alone, for each node."""
        return bottoms(self.tree, self.gaps)

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
    def kind_counts(self) -> tuple[Column, Column]:
        """How many known nodes lie in modules of each kind, and how many of those have each operator, per row."""
        return self._counts(self.tree.kind)

    @cached_property
    def likeness_counts(self) -> tuple[Column, Column]:
        """How many known nodes lie in modules like each row's, and how many of those have each operator, per row."""
        return self._counts(self.tree.likeness)

    @cached_property
    def deeper_counts(self) -> Ids:
        """How many known nodes lie in modules below those that are like each row's."""
        tree = self.tree
        own = np.bincount(self.guess[self.known], minlength=len(tree))
        within = np.append(0, np.cumsum(own[tree.entered]))
        deeper = within[tree.leave] - within[tree.enter] - own
        return np.bincount(tree.likeness, deeper, int(tree.likeness.max()) + 1)[tree.likeness[self.scope]]

    def _counts(self, numbers: Ids) -> tuple[Column, Column]:
        """Count known nodes by the number of their module, and by that and their operator, for each row."""
        operators = self.flow.operators
        width = int(operators.max(initial=0)) + 1
        theirs, row = numbers[self.guess[self.known]], numbers[self.scope]
        alone = np.bincount(theirs, minlength=int(numbers.max()) + 1)
        both = np.bincount(theirs * width + operators[self.known], minlength=len(alone) * width)
        return alone[row].astype(float), both[row * width + operators[self.node]].astype(float)


class Neighbours:
    """How the guessed modules of a node's neighbours lie to each of its candidates."""

    def __init__(self, question: Question, owners: Ids, others: Ids) -> None:
        tree = question.tree
        order = np.argsort(owners, kind="stable")
        owners, others = owners[order], others[order]
        degree = np.bincount(owners, minlength=len(question.flow))
        offsets = np.append(0, np.cumsum(degree))[:-1]
        counts = degree[question.node]
        rows = np.repeat(np.arange(len(counts)), counts)
        within_row = np.arange(len(rows)) - np.repeat(np.append(0, np.cumsum(counts))[:-1], counts)
        theirs = question.guess[others[offsets[question.node[rows]] + within_row]]
        ours = question.scope[rows]
        who = others[offsets[question.node[rows]] + within_row]
        here, inside = theirs == ours, tree.within(theirs, ours)
        total = np.maximum(counts, 1)
        size = len(counts)
        known, sure = question.known[who], np.where(question.known[who], 0.0, question.sure[who])
        self.known_here: Column = np.bincount(rows, here & known, size) / total
        self.known_below: Column = np.bincount(rows, inside & ~here & known, size) / total
        self.known_elsewhere: Column = np.bincount(rows, ~inside & known, size) / total
        self.here: Column = np.bincount(rows, here * sure, size) / total
        self.below: Column = np.bincount(rows, (inside & ~here) * sure, size) / total
        self.elsewhere: Column = np.bincount(rows, ~inside * sure, size) / total
        self.lifted: Column = (_common_lifted(question, owners, others) == question.scope).astype(float)
        common = common_of(owners, question.guess[others], len(question.flow), tree)
        self.common: Ids = common[question.node]
        self.meet: Column = (self.common == question.scope).astype(float)


def _common_lifted(question: Question, owners: Ids, others: Ids) -> Ids:
    """Return where a row's neighbours meet, those in a module without modules below it counting as in its parent."""
    tree = question.tree
    open_modules = tree.lifted[question.guess[others]]
    return common_of(owners, open_modules, len(question.flow), tree)[question.node]


def _is(flags: npt.NDArray[np.bool_]) -> Column:
    return flags.astype(float)


def _strictly_above(question: Question, ends: Ids) -> Column:
    """Whether the candidate lies between the order's answer and one end of the gap, neither of them."""
    tree, scope = question.tree, question.scope
    bottom, end = question.bottom[question.node], ends[question.node]
    return _is(tree.within(end, scope) & (scope != end) & tree.within(scope, bottom) & (scope != bottom))


def _beside(question: Question, step: int) -> Ids:
    """Return the node before (-1) or behind (1) each node; UNKNOWN at the ends."""
    at = np.arange(len(question.flow)) + step
    return np.where((at >= 0) & (at < len(question.flow)), at, UNKNOWN)


def _neighbour_is(question: Question, neighbours: Ids) -> Column:
    """Whether one neighbour (by node, or UNKNOWN) lies in the candidate, as far as that is sure."""
    at = neighbours[question.node]
    same = (at >= 0) & (question.guess[at] == question.scope)
    return _is(same) * question.sure[at]


def _known_neighbour_is(question: Question, neighbours: Ids) -> Column:
    at = neighbours[question.node]
    return _is((at >= 0) & question.known[at] & (question.guess[at] == question.scope))


def _neighbour_is_below(question: Question, neighbours: Ids) -> Column:
    at = neighbours[question.node]
    theirs = question.guess[at]
    below = (at >= 0) & (theirs != question.scope) & question.tree.within(theirs, question.scope)
    return _is(below) * question.sure[at]


def _meeting(question: Question) -> Column:
    """Whether the candidate is where the node's producers and consumers meet."""
    ours, theirs = question.producers.common, question.consumers.common
    both = (ours >= 0) & (theirs >= 0)
    common = question.tree.common(np.maximum(ours, 0), np.maximum(theirs, 0))
    return _is(both & (common == question.scope))


def _twins(question: Question) -> Column:
    """Return the share of the node's twins that lie in a module of the candidate's kind."""
    tree = question.tree
    kinds = tree.kind[question.guess]
    node, kind, share = twin_kinds(question.flow, question.known, kinds)
    width = int(tree.kind.max()) + 1
    return Lookup.of(node * width + kind, share).get(question.node * width + tree.kind[question.scope], 0.0)


def _is_called_between(question: Question) -> Flags:
    place = question.calls.place
    ours = place[question.scope]
    before, after = place[question.gaps.before[question.node]], place[question.gaps.after[question.node]]
    # A module that is open for the next node as well is on the way there, not between.
    on_the_way = question.tree.within(question.gaps.after[question.node], question.scope)
    return (ours >= 0) & (before >= 0) & (before < ours) & (ours < after) & ~on_the_way


def _is_only_call(question: Question) -> Flags:
    between = _is_called_between(question)
    counts = np.bincount(question.node[between], minlength=len(question.flow))
    return counts[question.node] == 1


def _resemblance(question: Question) -> Column:
    """Whether the node's operator and the candidate's class have a name in common."""
    names = [None if name is None else name.rpartition(".")[2] for name in question.tree.classes]
    return _by_class(question, names, lambda name, operator: float(name is not None and resembles(operator, name)))


def _by_torch_class(question: Question, value: Callable[[str | None, str], float]) -> Column:
    """Return a value of each row's class (one of PyTorch's own, OTHER, or None where it is unknown) and operator."""
    names = [question.class_operators.known_as(name) for name in question.tree.classes]
    return _by_class(question, names, value)


def _by_class(question: Question, names: Sequence[str | None], value: Callable[[str | None, str], float]) -> Column:
    """Return a value of each row's class, by the names that the tree's classes have here, and its node's operator."""
    flow, tree = question.flow, question.tree
    table = np.array([[value(name, operator) for operator in flow.operator_names] for name in names], float)
    return table[tree.class_number[question.scope], flow.operators[question.node]]


def _operator_share(question: Question) -> Column:
    """Return which share of the known nodes in modules of this kind have the node's operator."""
    by_kind, both = question.kind_counts
    return both / np.maximum(by_kind, 1.0)


def _on_course(question: Question) -> Column:
    """Return the logarithm of the module's probability on the course through the gap, from -1 to 0."""
    course, width = question.course, len(question.tree)
    likely = Lookup.of(course.node * width + course.scope, np.maximum(course.log_probability, -_MOST))
    return likely.get(question.node * width + question.scope, -_MOST) / _MOST


def _share_on_course(question: Question) -> Column:
    """Return the module's probability on the course through the gap."""
    course = _on_course(question) * _MOST
    return np.where(course > -_MOST, np.exp(course), 0.0)


# Less likely than this (a natural logarithm) is all the same.
_MOST = 8.0


def _reached(question: Question, modules: Ids) -> tuple[Flags, Flags, Flags]:
    """Return whether a module per node is the candidate itself, lies in it, is known at all."""
    theirs = modules[question.node]
    known = theirs >= 0
    return theirs == question.scope, known & question.tree.within(np.maximum(theirs, 0), question.scope), known


def _reached_deeper(question: Question, modules: Ids) -> Column:
    here, inside, _ = _reached(question, modules)
    return _is(inside & ~here)


def _reached_elsewhere(question: Question, modules: Ids) -> Column:
    _, inside, known = _reached(question, modules)
    return _is(known & ~inside)


def _unconnected(question: Question) -> Column:
    """Whether nothing known that the node is connected with lies in the candidate."""
    inside = np.zeros(len(question.node), np.bool_)
    for reach in (question.consumed, question.fed):
        for modules in reach:
            inside |= _reached(question, modules)[1]
    return _is(~inside)


def _between(question: Question) -> Column:
    """Whether the candidate is where the nearest known nodes meet that the node is connected with."""
    ours, theirs = question.consumed.nearest, question.fed.nearest
    both = (ours >= 0) & (theirs >= 0)
    common = question.tree.common(np.maximum(ours, 0), np.maximum(theirs, 0))
    return _is(both[question.node] & (common[question.node] == question.scope))


EVIDENCE: dict[str, Callable[[Question], Column]] = {
    "the last known node before it lies here": lambda q: _is(q.gaps.before[q.node] == q.scope),
    "the next known node behind it lies here": lambda q: _is(q.gaps.after[q.node] == q.scope),
    "right behind a known node that lies here": lambda q: _is(
        (q.gaps.before[q.node] == q.scope) & (q.gaps.since[q.node] == 1)
    ),
    "right before a known node that lies here": lambda q: _is(
        (q.gaps.after[q.node] == q.scope) & (q.gaps.until[q.node] == 1)
    ),
    "the order alone answers this": lambda q: _is(q.bottom[q.node] == q.scope),
    "above the last known node": lambda q: _strictly_above(q, q.gaps.before),
    "above the next known node": lambda q: _strictly_above(q, q.gaps.after),
    "holds what the order answers": lambda q: _is(
        q.tree.within(q.bottom[q.node], q.scope) & (q.bottom[q.node] != q.scope)
    ),
    "the node before it lies here": lambda q: _neighbour_is(q, _beside(q, -1)),
    "the node before it lies deeper in here": lambda q: _neighbour_is_below(q, _beside(q, -1)),
    "the node behind it lies here": lambda q: _neighbour_is(q, _beside(q, 1)),
    "the node behind it lies deeper in here": lambda q: _neighbour_is_below(q, _beside(q, 1)),
    "known consumers lie here": lambda q: q.consumers.known_here,
    "known consumers lie deeper in here": lambda q: q.consumers.known_below,
    "known consumers lie elsewhere": lambda q: q.consumers.known_elsewhere,
    "its consumers lie here": lambda q: q.consumers.here,
    "its consumers lie deeper in here": lambda q: q.consumers.below,
    "its consumers lie elsewhere": lambda q: q.consumers.elsewhere,
    "its consumers meet here": lambda q: q.consumers.meet,
    "its consumers meet here, leaves counting as their parents": lambda q: q.consumers.lifted,
    "known producers lie here": lambda q: q.producers.known_here,
    "known producers lie deeper in here": lambda q: q.producers.known_below,
    "known producers lie elsewhere": lambda q: q.producers.known_elsewhere,
    "its producers lie here": lambda q: q.producers.here,
    "its producers lie deeper in here": lambda q: q.producers.below,
    "its producers lie elsewhere": lambda q: q.producers.elsewhere,
    "its producers meet here": lambda q: q.producers.meet,
    "its first consumer lies here": lambda q: _neighbour_is(q, q.first_consumer),
    "its first consumer is known to lie here": lambda q: _known_neighbour_is(q, q.first_consumer),
    "its first consumer lies deeper in here": lambda q: _neighbour_is_below(q, q.first_consumer),
    "its last producer lies here": lambda q: _neighbour_is(q, q.last_producer),
    "its last producer is known to lie here": lambda q: _known_neighbour_is(q, q.last_producer),
    "its last producer lies deeper in here": lambda q: _neighbour_is_below(q, q.last_producer),
    "its producers meet here, leaves counting as their parents": lambda q: q.producers.lifted,
    "its producers and consumers meet here": _meeting,
    "the innermost module that the last known node left open": lambda q: _is(
        q.tree.lifted[q.gaps.before[q.node]] == q.scope
    ),
    "the innermost module open for the next known node": lambda q: _is(q.tree.lifted[q.gaps.after[q.node]] == q.scope),
    "its twins' module with the numbers replaced": lambda q: _is(q.suggested[q.node] == q.scope),
    "its twins suggest another module": lambda q: _is((q.suggested[q.node] >= 0) & (q.suggested[q.node] != q.scope)),
    "the table's order of calls puts it here": lambda q: _is(q.aligned[q.node] == q.scope),
    "the table's order of calls puts it elsewhere": lambda q: _is(
        (q.aligned[q.node] >= 0) & (q.aligned[q.node] != q.scope)
    ),
    "the table calls the module between the nodes around it": lambda q: _is(_is_called_between(q)),
    "the only module that the table calls between the nodes around it": lambda q: _is(
        _is_called_between(q) & _is_only_call(q)
    ),
    "its operator resembles the module's class": _resemblance,
    "calls in order pass through here": _on_course,
    "calls in order are here": _share_on_course,
    "what depends on it is first known here": lambda q: _is(_reached(q, q.consumed.nearest)[0]),
    "what depends on it is first known deeper in here": lambda q: _reached_deeper(q, q.consumed.nearest),
    "what depends on it is first known elsewhere": lambda q: _reached_elsewhere(q, q.consumed.nearest),
    "all that is known to depend on it meets here": lambda q: _is(_reached(q, q.consumed.meeting)[0]),
    "what it depends on is last known here": lambda q: _is(_reached(q, q.fed.nearest)[0]),
    "what it depends on is last known deeper in here": lambda q: _reached_deeper(q, q.fed.nearest),
    "what it depends on is last known elsewhere": lambda q: _reached_elsewhere(q, q.fed.nearest),
    "all that it is known to depend on meets here": lambda q: _is(_reached(q, q.fed.meeting)[0]),
    "between what it depends on and what depends on it": _between,
    "nothing known that it is connected with lies here": _unconnected,
    "torch makes its operator of modules of this class": lambda q: _by_torch_class(q, q.class_operators.affinity),
    "torch makes many nodes of modules of this class": lambda q: _by_torch_class(
        q, lambda name, _: q.class_operators.activity(name)
    ),
    "the module is one of torch's own": lambda q: _by_torch_class(q, lambda name, _: float(name not in {None, OTHER})),
    "the module is of a class that is not torch's own": lambda q: _by_torch_class(
        q, lambda name, _: float(name == OTHER)
    ),
    "the module has only numbered modules below it": lambda q: _is(q.tree.only_numbered[q.scope]),
    "its operator in modules of this class": lambda q: q.likeness_counts[1] / np.maximum(q.likeness_counts[0], 1.0),
    "its operator is known in modules of this class": lambda q: _is(q.likeness_counts[1] > 0),
    "modules of this class are known without its operator": lambda q: _is(
        (q.likeness_counts[0] > 0) & (q.likeness_counts[1] == 0)
    ),
    "modules of this class are known, but only below them": lambda q: _is(
        (q.likeness_counts[0] == 0) & (q.deeper_counts > 0)
    ),
    "the module has no module below it": lambda q: _is(~q.tree.has_children[q.scope]),
    "the module has no module below it, but parameters": lambda q: _is(~q.tree.has_children[q.scope] & q.owns[q.scope]),
    "the module has parameters of its own": lambda q: _is(q.owns[q.scope]),
    "depth below the order's answer": lambda q: np.clip(
        (q.tree.depth[q.scope] - q.tree.depth[q.bottom[q.node]]) / 4.0, -1.0, 1.0
    ),
    "nodes like it lie in modules like this": _twins,
    "its operator in modules like this": _operator_share,
    "its operator is known in modules like this": lambda q: _is(q.kind_counts[1] > 0),
    "modules like this are known without its operator": lambda q: _is((q.kind_counts[0] > 0) & (q.kind_counts[1] == 0)),
}


def measure(question: Question) -> npt.NDArray[np.float64]:
    """Return all evidence: a row for each candidate, a column for each kind in the order of `EVIDENCE`."""
    return np.column_stack([kind(question) for kind in EVIDENCE.values()])

"""What the features of one round of inference are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .arrays import UNKNOWN, Floats, Ids
from .candidates import Candidates
from .class_statistics import ClassStatistics
from .dataflow import Role
from .forward_backward import LogPosterior
from .neighbours import Neighbours
from .problem import InferenceProblem


class Assignment(NamedTuple):
    """The likeliest module of each node so far.

    scope: the module, int64, shape (nodes,).
    probability: its probability, float64, shape (nodes,); 1 for known nodes.
    posterior: the log probabilities of all candidates of unknown nodes; empty before the first round.
    """

    scope: Ids
    probability: Floats
    posterior: LogPosterior


class OperatorCounts(NamedTuple):
    """Of the known nodes in some group of modules: how many there are, and how many have the operator of a row's node.

    Both are float64, shape (rows,).
    """

    nodes: Floats
    same_operator: Floats


@dataclass(frozen=True, eq=False)
class FeatureContext:
    """A problem, the assignment of the round before, and the forward-backward posterior that follows from it.

    Features are computed per row, which is a pair (unknown node, candidate module), or per node.
    """

    problem: InferenceProblem
    assignment: Assignment
    posterior: LogPosterior
    class_statistics: ClassStatistics

    @cached_property
    def candidates(self) -> Candidates:
        """The rows: modules between the anchors, assigned, analogous, of neighbours, and of forward-backward."""
        problem, unknown, scope = self.problem, self.problem.unknown, self.assignment.scope
        flow, tree = problem.flow, problem.tree
        consumers, producers = (
            tree.segment_lca(nodes, scope[neighbours], len(flow))[unknown]
            for nodes, neighbours in ((flow.sources, flow.targets), (flow.targets, flow.sources))
        )
        both = tree.lca_of_known(consumers, producers)
        others = (consumers, producers, both, scope[unknown], problem.block_analogue[unknown])
        return Candidates.of(
            [
                *problem.order_candidates,
                *((unknown, modules) for modules in others),
                (self.posterior.node, self.posterior.scope),
            ],
            tree,
        )

    @property
    def node(self) -> Ids:
        """The node of each row, shape (rows,)."""
        return self.candidates.node

    @property
    def scope(self) -> Ids:
        """The candidate module of each row, shape (rows,)."""
        return self.candidates.scope

    @cached_property
    def consumers(self) -> Neighbours:
        """The nodes that read from each node."""
        return self._neighbours(self.problem.flow.sources, self.problem.flow.targets)

    @cached_property
    def producers(self) -> Neighbours:
        """The nodes that each node reads from, constants left out."""
        flow = self.problem.flow
        is_data = flow.role[flow.sources] != Role.CONSTANT
        return self._neighbours(flow.targets[is_data], flow.sources[is_data])

    def _neighbours(self, nodes: Ids, neighbours: Ids) -> Neighbours:
        return Neighbours.of(
            nodes=nodes,
            neighbours=neighbours,
            scope=self.assignment.scope,
            probability=self.assignment.probability,
            is_known=self.problem.is_known,
            candidates=self.candidates,
            tree=self.problem.tree,
        )

    @cached_property
    def first_consumer(self) -> Ids:
        """The first node that reads from each node, or UNKNOWN, shape (nodes,)."""
        flow = self.problem.flow
        first = np.full(len(flow), len(flow), np.int64)
        np.minimum.at(first, flow.sources, flow.targets)
        return np.where(first < len(flow), first, UNKNOWN)

    @cached_property
    def last_producer(self) -> Ids:
        """The last node other than a constant that each node reads from, or UNKNOWN, shape (nodes,)."""
        flow = self.problem.flow
        last = np.full(len(flow), UNKNOWN, np.int64)
        is_data = flow.role[flow.sources] != Role.CONSTANT
        np.maximum.at(last, flow.targets[is_data], flow.sources[is_data])
        return last

    @cached_property
    def pattern_counts(self) -> OperatorCounts:
        """Counts in the modules with the candidate's digit pattern."""
        return self._operator_counts(self.problem.tree.digit_pattern_id)

    @cached_property
    def class_group_counts(self) -> OperatorCounts:
        """Counts in the modules of the candidate's class group."""
        return self._operator_counts(self.problem.tree.class_group_id)

    @cached_property
    def known_below_class_group(self) -> Ids:
        """The number of known nodes in proper descendants of the modules of the candidate's class group, per row."""
        tree, problem = self.problem.tree, self.problem
        own = np.bincount(self.assignment.scope[problem.is_known], minlength=len(tree))
        cumulative = np.append(0, np.cumsum(own[tree.by_preorder]))
        below = cumulative[tree.subtree_end] - cumulative[tree.preorder] - own
        by_group = np.zeros(int(tree.class_group_id.max()) + 1, np.int64)
        np.add.at(by_group, tree.class_group_id, below)
        return by_group[tree.class_group_id[self.scope]]

    def _operator_counts(self, group: Ids) -> OperatorCounts:
        """Return the counts for groups of modules; `group` is the number of each module's group, shape (modules,)."""
        known, operator = self.problem.is_known, self.problem.flow.operator
        width = int(operator.max(initial=0)) + 1
        group_of_known, group_of_row = group[self.assignment.scope[known]], group[self.scope]
        nodes = np.bincount(group_of_known, minlength=int(group.max()) + 1)
        by_operator = np.bincount(group_of_known * width + operator[known], minlength=len(nodes) * width)
        return OperatorCounts(
            nodes[group_of_row].astype(float), by_operator[group_of_row * width + operator[self.node]].astype(float)
        )

"""Forward-backward over a run of untagged nodes: P(module | node), given that module calls are nested and contiguous.

The states of a gap are the modules on the path from the known module before it to the one after it (`gaps.py`). A node
is in the state of the node before it or in a later one: a left-to-right hidden Markov model (Rabiner 1989). Emissions
are the probabilities of each node's candidates by the scoring model, and leaving a state has a cost that depends on the
boundary (`transitions.py`). Emissions and costs are not normalised per state; the posterior is normalised over all
paths through the states, as in a linear-chain conditional random field (Lafferty et al. 2001).

Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech recognition. Proceedings
of the IEEE 77(2), 257-286. doi:10.1109/5.18626

Lafferty, J., McCallum, A., Pereira, F. (2001). Conditional random fields: probabilistic models for segmenting and
labeling sequence data. Proceedings of ICML, 282-289.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .arrays import Floats, Ids
from .gaps import Gap
from .scope_tree import ScopeTree
from .sorted_lookup import SortedLookup
from .transitions import TransitionCosts

# Emissions are at least this, a natural logarithm; states that are no candidates of a node have it as well. Not tuned;
# -4 and -12 change at most 3 tags.
_MIN_LOG_EMISSION = -7.0
# Posteriors below this are set to it before the logarithm is taken.
_MIN_PROBABILITY = 1e-12
# Gaps are computed together in arrays of at most this many elements (gaps times nodes times states), 8 MB each.
_MAX_BATCH_CELLS = 1_000_000


class LogPosterior(NamedTuple):
    """Rows (node, module, natural logarithm of the module's probability), in any order; arrays of shape (rows,)."""

    node: Ids
    scope: Ids
    log_probability: Floats

    @classmethod
    def empty(cls) -> LogPosterior:
        """Return no rows."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def forward_backward(
    gaps: Sequence[Gap], costs: TransitionCosts, tree: ScopeTree, emissions: LogPosterior
) -> LogPosterior:
    """Return the posterior of each module among the states for each node of the gaps.

    `emissions` are the log probabilities of modules for single nodes. For each node the probabilities sum to 1.
    """
    emission = SortedLookup.of(
        emissions.node * len(tree) + emissions.scope, np.maximum(emissions.log_probability, _MIN_LOG_EMISSION)
    )
    batches = [_batch_posterior(batch, costs, tree, emission) for batch in _batches(gaps)]
    if not batches:
        return LogPosterior.empty()
    return LogPosterior(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))


def _batches(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """Yield gaps of similar lengths together, so that little of a batch's array is padding."""
    ordered = sorted(gaps, key=lambda gap: (gap.stop - gap.start, len(gap.states)))
    batch: list[Gap] = []
    states = 0
    for gap in ordered:
        states = max(states, len(gap.states))
        length = gap.stop - gap.start
        shortest = batch[0].stop - batch[0].start if batch else length
        if batch and ((len(batch) + 1) * length * states > _MAX_BATCH_CELLS or length > 2 * shortest + 4):
            yield batch
            batch, states = [], len(gap.states)
        batch.append(gap)
    if batch:
        yield batch


def _batch_posterior(gaps: list[Gap], costs: TransitionCosts, tree: ScopeTree, emission: SortedLookup) -> LogPosterior:
    """Return the posterior for the nodes of some gaps, padded to the same numbers of nodes and of states."""
    width = len(tree)
    start = np.array([gap.start for gap in gaps])
    length = np.array([gap.stop for gap in gaps]) - start
    last_state = np.array([len(gap.states) for gap in gaps]) - 1
    node_count, state_count = int(length.max()), int(last_state.max()) + 1
    states = np.zeros((len(gaps), state_count), np.int64)
    for row, gap in enumerate(gaps):
        states[row, : len(gap.states)] = gap.states
    descends = np.zeros((len(gaps), state_count), np.bool_)
    descends[:, :-1] = tree.depth[states[:, 1:]] > tree.depth[states[:, :-1]]
    nodes, state = np.arange(node_count), np.arange(state_count)
    node = np.minimum(start[:, None] + nodes, (start + length - 1)[:, None])
    in_gap = nodes < length[:, None]
    exists = state <= last_state[:, None]
    key = node[:, :, None] * width + states[:, None, :]
    log_emission = np.where(exists[:, None, :], emission.get(key, _MIN_LOG_EMISSION), -np.inf)
    # After its last node, a gap is in its last state.
    at_last_state = np.where(state == last_state[:, None], 0.0, -np.inf)
    log_emission = np.where(in_gap[:, :, None], log_emission, at_last_state[:, None, :])
    # The boundaries of padding are the one after the gap; there is no state left to leave for.
    boundary = np.minimum(start[:, None] + np.arange(node_count + 1), (start + length)[:, None])
    cost = np.where(descends[:, None, :], costs.leave_down[boundary][:, :, None], costs.leave_up[boundary][:, :, None])
    state_posterior = _posterior(log_emission, cost, at_last_state)
    cells = (in_gap[:, :, None] & exists[:, None, :]).nonzero()
    # A module that is several states has the sum of their probabilities.
    keys, row = np.unique(key[cells], return_inverse=True)
    probability = np.bincount(row, state_posterior[cells], len(keys))
    return LogPosterior(keys // width, keys % width, np.log(np.maximum(probability, _MIN_PROBABILITY)))


def _posterior(log_emission: Floats, cost: Floats, at_last_state: Floats) -> Floats:
    """Return the probability of each state for each node, shape (gaps, nodes, states).

    The node before the gap is in the first state. All arguments are natural logarithms: `log_emission` has the shape of
    the result; `cost`, of leaving each state at each boundary, has the shape (gaps, nodes + 1, states); `at_last_state`
    is 0 at the last state of each gap and minus infinity elsewhere, shape (gaps, states).
    """
    node_count = log_emission.shape[1]
    log_posterior = np.empty_like(log_emission)
    current = np.full_like(at_last_state, -np.inf)
    current[:, 0] = 0.0
    with np.errstate(invalid="ignore"):
        for index in range(node_count):
            current = _forward_step(current - cost[:, index], current) + log_emission[:, index]
            log_posterior[:, index] = current
        current = _backward_step(at_last_state, cost[:, node_count])
        for index in range(node_count - 1, -1, -1):
            log_posterior[:, index] += current
            current = _backward_step(current + log_emission[:, index], cost[:, index])
    return np.exp(log_posterior - np.logaddexp.reduce(log_posterior, axis=2, keepdims=True))


def _forward_step(leaving: Floats, staying: Floats) -> Floats:
    """Return the log mass of each state after a boundary: what stays in it, and what leaves an earlier state for it."""
    arriving = np.full_like(staying, -np.inf)
    arriving[:, 1:] = np.logaddexp.accumulate(leaving[:, :-1], axis=1)
    return np.logaddexp(staying, arriving)


def _backward_step(after: Floats, cost: Floats) -> Floats:
    """Return the log mass after a boundary that each state before it leads to."""
    later = np.full_like(after, -np.inf)
    later[:, :-1] = np.logaddexp.accumulate(after[:, :0:-1], axis=1)[:, ::-1]
    return np.logaddexp(after, later - cost)

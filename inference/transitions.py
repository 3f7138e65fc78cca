"""How likely a module call starts or ends at each boundary between two nodes: a logistic regression.

For example, a constant is usually in the module of its reader, and few live values make the end of a module likelier.
The coefficients are fitted by `training/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .arrays import Floats, Ids
from .dataflow import Dataflow, Role
from .gaps import Gap

# The number of live values above the gap's minimum is clipped to this value and divided by it. Not tuned; 2 gains up to
# 0.3 points and 8 costs as much, by case.
_MAX_LIVE_VALUES = 4


class TransitionCosts(NamedTuple):
    """The cost of leaving a module at each boundary: towards its parent, or into one of its children.

    Costs are negative log odds (natural logarithm): float64, shape (nodes + 1,). Boundary `i` is the one before node
    `i`; the last boundary is the one after the last node.
    """

    leave_up: Floats
    leave_down: Floats


def transition_costs(features: Floats, coefficients: Floats) -> TransitionCosts:
    """Return the costs for boundary features, shape (nodes + 1, features).

    `coefficients` has the shape (features, 2); its columns are for leaving up and for leaving down.
    """
    log_odds = features @ coefficients
    return TransitionCosts(-log_odds[:, 0], -log_odds[:, 1])


def boundary_features(flow: Dataflow, gaps: Sequence[Gap]) -> Floats:
    """Return features of all boundaries, from 0 to 1: float64, shape (nodes + 1, features).

    In order: the role of the node before, one-hot, with one more entry for none; the role of the node after alike. If
    the node before feeds the node after: both roles again, one-hot; whether the node before has other consumers;
    whether the node after has several producers other than constants, or one. Finally whether the number of live values
    is the minimum of the gap, by how much it is higher (clipped), and a constant 1.
    """
    count = len(flow)
    live = np.append(0, live_value_counts(flow))
    minimum = live.copy()
    for gap in gaps:
        minimum[gap.start : gap.stop + 1] = live[gap.start : gap.stop + 1].min()
    left, right = np.arange(-1, count), np.append(np.arange(count), -1)
    role = np.append(flow.role, len(Role))
    feeds = np.zeros(count + 1, np.bool_)
    feeds[flow.targets[flow.targets == flow.sources + 1]] = True
    consumers = np.bincount(flow.sources, minlength=count + 1)
    data_producers = np.bincount(flow.targets[flow.role[flow.sources] != Role.CONSTANT], minlength=count + 1)
    columns = [role[left] == one for one in range(len(Role) + 1)]
    columns += [role[right] == one for one in range(len(Role) + 1)]
    columns += [feeds & (role[left] == one) for one in Role]
    columns += [feeds & (role[right] == one) for one in Role]
    columns += [
        feeds & (consumers[left] > 1),
        feeds & (data_producers[right] > 1),
        feeds & (data_producers[right] == 1),
    ]
    columns += [live == minimum, np.minimum(live - minimum, _MAX_LIVE_VALUES) / _MAX_LIVE_VALUES, np.ones(count + 1)]
    return np.column_stack(columns).astype(float)


def live_value_counts(flow: Dataflow) -> Ids:
    """Return the number of values that are live after each node: int64, shape (nodes,).

    A value is live if it was written and a later node reads it. The values of constants are left out.
    """
    count = len(flow)
    is_data = flow.role[flow.sources] != Role.CONSTANT
    last_reader = np.full(count, -1, np.int64)
    np.maximum.at(last_reader, flow.sources[is_data], flow.targets[is_data])
    read = np.flatnonzero(last_reader > np.arange(count))
    change = np.zeros(count + 1, np.int64)
    np.add.at(change, read, 1)
    np.add.at(change, last_reader[read], -1)
    return np.cumsum(change)[:count]

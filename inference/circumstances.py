"""What is seen of a node whatever its candidates: it tells which evidence to believe, and how far.

`CIRCUMSTANCES` names them all, in the order of the weights: numbers between 0 and about 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .evidence import Column, Question
from .flow import Role

# More neighbours than this are many.
_MANY = 4.0


def _in_role(role: Role) -> Callable[[Question], Column]:
    return lambda question: (question.flow.role == role).astype(float)


def _everywhere(question: Question, value: float) -> Column:
    return np.full(len(question.flow), value)


def _degree(question: Question, owners: npt.NDArray[np.int64]) -> Column:
    return np.minimum(np.bincount(owners, minlength=len(question.flow)), _MANY) / _MANY


CIRCUMSTANCES: dict[str, Callable[[Question], Column]] = {
    **{f"it is {role.name.lower()}": _in_role(role) for role in Role},
    "nodes since the last known one": lambda q: np.log1p(q.gaps.since) / 3.0,
    "nodes until the next known one": lambda q: np.log1p(q.gaps.until) / 3.0,
    "place between the known ones": lambda q: q.gaps.since / np.maximum(1, q.gaps.since + q.gaps.until),
    "how many read it": lambda q: _degree(q, q.flow.sources),
    "how many it reads": lambda q: _degree(q, q.flow.targets),
    "constants in the region": lambda q: _everywhere(q, 2.0 * float((q.flow.role == Role.CONSTANT).mean())),
    "known nodes in the region": lambda q: _everywhere(q, float(q.known.mean())),
    "a table tells the order of calls": lambda q: _everywhere(q, float(len(q.calls.modules) > 0)),
    "its twins suggest a module": lambda q: (q.suggested >= 0).astype(float),
}


def circumstances(question: Question) -> npt.NDArray[np.float32]:
    """Return all circumstances: a row for each node of the region, a column for each kind in order."""
    return np.column_stack([kind(question) for kind in CIRCUMSTANCES.values()]).astype(np.float32)

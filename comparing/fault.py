"""What is wrong in a module: the first of its nodes that computes something else from the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..tags.scope import is_descendant
from .borders import Borders, Part
from .measure import Measurement, reads_of
from .metrics import Distance, distance, worst
from .parts import Pair
from .values import Values

_ABOUT_DB = 10.0
"""A node whose ratio is by at most so much better than that of its module has the fault. Not tuned."""


@dataclass(frozen=True)
class DifferentNode:
    """A node of B that computes something else than A: its name, its operator, and the distance of what it writes.

    scope: the module that computes the same in A.
    """

    name: str
    operator: str
    distance: Distance
    scope: str | None


@dataclass(frozen=True)
class Fault:
    """The module that goes wrong first: the values of B that it reads and writes, and its first node that differs.

    scope: the module, or one below it that an optimiser merged with others, if the first node that differs is its own.
    call: which of its calls, from 0; None if it has only one, or if they are not told apart.
    node: None if no value inside the module has a counterpart in A.
    """

    scope: str
    reads: Sequence[str]
    writes: Sequence[str]
    node: DifferentNode | None
    call: int | None = None


def find_fault(measurement: Measurement, pair: Pair, local_db: float) -> Fault:
    """Look into a part that goes wrong, whose local ratio is given in decibels. The whole models run once more."""
    a, b = measurement.a, measurement.b
    part = b.borders.grown(pair.b, measurement.pairing.is_known)
    of_a, of_b = _with_all_writes(a.borders, pair.a), _with_all_writes(b.borders, part)
    needed = [*measurement.pairing.needed(of_a, of_b)]
    found: dict[str, list[Distance]] = {}
    original: dict[str, str] = {}
    for one, two in measurement.run(needed, [*of_b.reads, *of_b.writes]):
        counterparts = measurement.pairing.counterparts(of_a.reads, of_b.reads, one, two)
        written = measurement.pairing.counterparts(of_a.writes, of_b.writes, one, two)
        reads = reads_of(of_b, counterparts, one, two)
        result: Values | str = two
        if reads is not None:
            types = {name: two[name].dtype for name in of_b.reads}
            (result,) = measurement.compute([b.local_job("fault", of_b, reads, types)])
        if isinstance(result, Values):
            original |= written
            for name, other in written.items():
                if name in result:
                    found.setdefault(name, []).append(distance(one[other], result[name]))
    scopes = {name: a.borders.producer_scope(other) for name, other in original.items()}
    node = _first(b.borders, part, found, scopes, local_db)
    call = _call([found.get(name, ()) for name in pair.b.writes], measurement.call_count(pair.scope), local_db)
    return Fault(_merged_scope(pair, node), pair.b.reads, pair.b.writes, node, None if pair.is_own else call)


def _call(written: Sequence[Sequence[Distance]], calls: int, local_db: float) -> int | None:
    """Return the first call that is wrong, if each call writes as many values as any other."""
    each, rest = divmod(len(written), calls) if calls else (0, 0)
    if calls == 1 or rest or not each:
        return None
    wrong = (at for at, found in enumerate(written) if _is_about(worst(found), local_db))
    return next((at // each for at in wrong), None)


def _is_about(found: Distance | None, local_db: float) -> bool:
    return found is not None and not found.is_equal and found.quality <= local_db + _ABOUT_DB


def _merged_scope(pair: Pair, node: DifferentNode | None) -> str:
    """Return the module of a part or, if an optimiser merged nodes of modules below it into its own, that of a node."""
    if pair.is_own and node is not None and node.scope is not None and is_descendant(node.scope, pair.scope):
        return node.scope
    return pair.scope


def _with_all_writes(borders: Borders, part: Part) -> Part:
    writes = (name for at in part.positions for name in borders.graph.nodes[at].writes)
    return Part(part.positions, part.reads, tuple(writes))


def _first(
    borders: Borders,
    part: Part,
    distances: dict[str, list[Distance]],
    scopes: Mapping[str, str | None],
    local_db: float,
) -> DifferentNode | None:
    for at in part.positions:
        node = borders.graph.nodes[at]
        found = worst([item for name in node.writes for item in distances.get(name, ())])
        if found is not None and _is_about(found, local_db):
            scope = next((scopes[name] for name in node.writes if name in scopes), None)
            return DifferentNode(node.name, node.operator, found, scope)
    return None

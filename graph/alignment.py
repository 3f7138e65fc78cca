"""Fit a module table that was made elsewhere to the names a file holds.

A checkpoint's class decides what its modules are called: what one export names `bert.encoder.layer.0` another, of the
bare model, names `encoder.layer.0`, and one from inside a wrapper `model.encoder.layer.0`. Which it is, the file says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .modules import Module, ModuleTable, is_within, relative

# Wrappers are not nested deeper; a deeper prefix is a block that looks like another.
_DEEPEST = 3
# The last atom alone (`weight`) says nothing; with the module's own name it does.
_SHORTEST = 2


def aligned(table: ModuleTable, names: Iterable[str]) -> ModuleTable:
    """Return the table with its modules named as the file names them.

    `names` are full names of modules or parameters that the file shows. The table is moved (a prefix taken off, another
    put on) where more of them fit it then; with nothing to go by it stays as it is.
    """
    votes = Counter[tuple[str, str]]()
    known = _known(table)
    for name in set(names):
        votes.update(set(_moves(name, known)))
    if not votes:
        return table
    most = max(votes.values())
    added, taken = min((move for move, count in votes.items() if count == most), key=_preference)
    return table if added == taken else _moved(table, taken, added)


def _known(table: ModuleTable) -> dict[str, set[str]]:
    """Return what may stand before each ending of a module's or parameter's name."""
    before: dict[str, set[str]] = {}
    for scope, module in table.modules.items():
        for owner in (scope, *module.aliases):
            for name in (owner, *(f"{owner}.{own}" if owner else own for own in module.extra.get("parameters", ()))):
                for prefix, ending in _splits(name):
                    before.setdefault(ending, set()).add(prefix)
    return before


def _moves(name: str, known: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield every (prefix to add, prefix to take off) under which the table holds the name."""
    for added, ending in _splits(name):
        for taken in known.get(ending, ()):
            # A shared last atom belongs to the ending: only the shortest pair of prefixes is a move.
            if not added or not taken or added.rpartition(".")[2] != taken.rpartition(".")[2]:
                yield added, taken


def _splits(name: str) -> Iterator[tuple[str, str]]:
    atoms = name.split(".")
    for length in range(min(_DEEPEST, len(atoms) - _SHORTEST) + 1):
        yield ".".join(atoms[:length]), ".".join(atoms[length:])


def _preference(move: tuple[str, str]) -> tuple[bool, int, str, str]:
    added, taken = move
    return added != taken, len(added) + len(taken), added, taken


def _moved(table: ModuleTable, taken: str, added: str) -> ModuleTable:
    def renamed(scope: str) -> str:
        return ".".join(part for part in (added, relative(scope, taken)) if part)

    def module(known: Module) -> Module:
        return replace(known, aliases=tuple(renamed(alias) for alias in known.aliases if is_within(alias, taken)))

    within = {scope: known for scope, known in table.modules.items() if is_within(scope, taken)}
    moved = ModuleTable({renamed(scope): module(known) for scope, known in within.items()})
    moved.add("")
    return moved

"""Collapsed stacks: `BertModel;encoder: BertEncoder;layer.0: BertLayer 123`, a line for each module.

flamegraph.pl, inferno, speedscope and d3-flame-graph read it. The number is in nanoseconds, because it must be whole.
"""

from __future__ import annotations

from ..profile import Profile
from .frames import stacks


def dumps(profile: Profile) -> str:
    """Return the profile as collapsed stacks in nanoseconds of the wall time."""
    lines = [f"{';'.join(map(_frame, labels))} {round(us * 1000)}\n" for labels, us in stacks(profile)]
    return "".join(lines)


def _frame(label: str) -> str:
    # A semicolon would start another frame, and a line break another stack.
    return "".join(char if char.isprintable() and char != ";" else "_" for char in label)

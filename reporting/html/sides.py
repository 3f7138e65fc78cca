"""One side of a report: a model, with the values of its profile and of its cost."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...costs.cost import Cost
from ..saved_profile import SavedProfile
from .cost_values import cost_values
from .report_data import Measure, Side, Values

if TYPE_CHECKING:
    from ...api import Run

TIME = Measure("time", "time", "µs")


def side_of(
    label: str,
    run: Run,
    *,
    profile: SavedProfile | None = None,
    cost: Cost | None = None,
    agreement: Mapping[str, str] = MappingProxyType({}),
) -> Side:
    """Return the side of a tagged model, with what is measured of it."""
    values: dict[Measure, Values] = {}
    notes: dict[Measure, str] = {}
    if profile is not None:
        values[TIME] = profile.times
        if profile.unmapped_us:
            notes[TIME] = f"without {profile.unmapped_us:,.1f} {TIME.unit} of nodes without a module"
    if cost is not None:
        found = cost_values(cost)
        values |= found.values
        notes |= found.notes
    return Side(label, run, values, notes, {} if profile is None else profile.providers, agreement)

"""What the cost of a model says of each module, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ...costs.cost import Amounts, Cost
from ...costs.sizes import COMPARED_SIZE, LIMIT, Size, free_names, magnitude
from ...wording import counted
from .report_data import Measure, Values

_MEASURES: Mapping[Measure, Callable[[Amounts], Size]] = {
    Measure("macs", "MACs", ""): lambda amounts: amounts.macs,
    Measure("flops", "other FLOPs", ""): lambda amounts: amounts.flops,
    Measure("parameters", "parameters", ""): lambda amounts: amounts.parameters,
    Measure("parameter_bytes", "bytes of parameters", "B"): lambda amounts: amounts.parameter_bytes,
    Measure("activation_bytes", "bytes of activations", "B"): lambda amounts: amounts.activation_bytes,
}
# They do not depend on shapes.
_ALWAYS_KNOWN = {"parameters", "parameter_bytes"}


class CostValues(NamedTuple):
    """The values of each measure, and what they take for granted or leave out."""

    values: dict[Measure, Values]
    notes: dict[Measure, str]


def cost_values(cost: Cost) -> CostValues:
    """Return the cost of each module. What is free counts as a fixed size, which the note of a measure says."""
    found = CostValues({}, {})
    for measure, amount in _MEASURES.items():
        found.values[measure] = {
            scope: (_number(amount(module.own)), _number(amount(module.all))) for scope, module in cost.modules.items()
        }
        if note := _note(cost, measure, amount(cost.total)):
            found.notes[measure] = note
    return found


def _number(size: Size) -> float:
    return size if isinstance(size, int) else min(magnitude(size), float(LIMIT))


def _note(cost: Cost, measure: Measure, total: Size) -> str:
    free = sorted(free_names(total))
    parts = [f"{', '.join(free)} = {COMPARED_SIZE}"] if free else []
    if cost.total.unknown and measure.key not in _ALWAYS_KNOWN:
        parts.append(f"without {counted(cost.total.unknown, 'node')} of unknown cost")
    return "; ".join(parts)

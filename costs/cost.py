"""The cost of a model: in total, by module, and by operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..notebook import table
from .sizes import Size, magnitude


@dataclass(frozen=True, slots=True)
class Amounts:
    """What some nodes take in one run. A size is an int, or a formula (`sympy.Expr`) of the sizes that are free.

    macs: multiply-accumulates, each of which is two floating-point (or integer) operations.
    flops: all other operations.
    parameters, parameter_bytes: the elements of the parameters that they read, and their bytes, each parameter once.
    activation_bytes: what each node reads and writes apart from parameters, in bytes.
    nodes: the number of nodes by operator.
    unknown: the number of nodes whose cost is not known; the other numbers are without them.
    """

    macs: Size
    flops: Size
    parameters: int
    parameter_bytes: int
    activation_bytes: Size
    nodes: Mapping[str, int]
    unknown: int

    @property
    def intensity(self) -> float | None:
        """The arithmetic intensity: operations for each byte that is read or written; None if it is no number."""
        moved = self.parameter_bytes + self.activation_bytes
        operations = 2 * self.macs + self.flops
        if not isinstance(moved, int) or not isinstance(operations, int) or moved == 0:
            return None
        try:
            return operations / moved
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class ModuleCost:
    """The cost of a module: `own` of the nodes that run in the module itself, `all` also of those below it."""

    own: Amounts
    all: Amounts


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """The cost of all nodes of an operator."""

    nodes: int
    macs: Size
    flops: Size
    activation_bytes: Size
    unknown: int


@dataclass(frozen=True)
class Cost:
    """What one run of a model takes.

    model: how messages call the model.
    sizes: the numbers that were given for free sizes; free: the names of the others that it depends on.
    total: of all nodes.
    modules: by scope; the root is the empty name.
    class_names: the class of each module by scope, if it is known.
    operators: by operator, those with the most operations first.
    """

    model: str
    sizes: Mapping[str, int]
    free: tuple[str, ...]
    total: Amounts
    modules: Mapping[str, ModuleCost]
    class_names: Mapping[str, str]
    operators: Mapping[str, OperatorCost]

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row for each module with all below it, for a data frame. A formula is an expression of sympy.

        The columns are those of `Amounts`, with the scope and the class of the module.
        """
        return [
            {
                "scope": scope,
                "class": self.class_names.get(scope),
                **{item.name: getattr(module.all, item.name) for item in fields(module.all)},
                "intensity": module.all.intensity,
            }
            for scope, module in self.modules.items()
        ]

    def _repr_html_(self) -> str:
        """Return the modules with the most operations as HTML, for a notebook."""
        unknown = f", {self.total.unknown:,} nodes of unknown cost" if self.total.unknown else ""
        title = f"{self.model}: {self.total.macs} MACs, {self.total.parameters} parameters{unknown}"
        heaviest = sorted(self.modules.items(), key=lambda item: -magnitude(2 * item[1].all.macs + item[1].all.flops))
        rows = [
            (scope or "(root)", self.class_names.get(scope, ""), *(_shown(getattr(module.all, key)) for key in _SHOWN))
            for scope, module in heaviest
        ]
        return table(title, ("module", "class", "MACs", "other FLOPs", "parameters", "bytes of activations"), rows)


_SHOWN = ("macs", "flops", "parameters", "activation_bytes")


def _shown(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)

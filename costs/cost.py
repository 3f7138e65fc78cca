"""The cost of a model: in total, by module, and by operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .sizes import Size


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

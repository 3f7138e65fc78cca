"""The pass that numbers the calls of modules that are called more than once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .base import Pass

if TYPE_CHECKING:
    from .context import Context


@dataclass(frozen=True)
class CallNumber(Pass):
    """Number the calls of each module that is called more than once.

    Weights that are read once in each call tell the calls apart, or the modules that run between them. If nothing does,
    the nodes of a module get no number.
    """

    name: ClassVar[str] = "call-number"

    def apply(self, context: Context) -> None:
        """Give the nodes of the main graph their numbers."""
        from .numbered_calls import number_calls

        number_calls(context)

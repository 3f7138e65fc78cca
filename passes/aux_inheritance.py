"""The third pass: nodes that nothing names take the module that dataflow, order and repetition point to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from .base import Pass, option

if TYPE_CHECKING:
    from .context import Context


class Root(StrEnum):
    """What to do with auxiliary operations that ran at the root."""

    SERVE = "serve"
    KEEP = "keep"


@dataclass(frozen=True)
class AuxInheritance(Pass):
    """Let nodes without evidence inherit a module from the nodes around them.

    What they read and who reads them, the order of calls and repeated blocks decide. Auxiliary operations at the root
    also get the module whose work they prepare.
    """

    name: ClassVar[str] = "aux-inheritance"
    root: Root = option(Root.SERVE, "serve: name the module that an operation at the root works for; keep: do not")

    def apply(self, context: Context) -> None:
        """Place what has no tag, then name the modules that operations at the root work for."""
        from .inherited_modules import inherit_modules, serve_modules

        inherit_modules(context)
        if self.root is Root.SERVE:
            serve_modules(context)

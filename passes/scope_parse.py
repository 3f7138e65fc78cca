"""The first pass: what the file, or its reference, says about the module of each node. It never guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .base import Pass

if TYPE_CHECKING:
    from .context import Context


@dataclass(frozen=True)
class ScopeParse(Pass):
    """Collect what the file itself says about the module of each node.

    It reads tags on nodes, what a reference says, metadata, names of nodes and values, and names of parameters; the
    first of these that names a module decides.
    """

    name: ClassVar[str] = "scope-parse"

    def apply(self, context: Context) -> None:
        """Claim modules for nodes, and tag each node that has a claim by the strongest."""
        from .scope_claims.claimed_modules import claim_modules

        claim_modules(context)

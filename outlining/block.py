"""The nodes of one module, or of one call of it, that become a function."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Block:
    """The nodes of a module, or of one of its calls, that become a function.

    `members` are all of its nodes by position, and `items` the same in the order in which they run, those of inner
    blocks as one item. `call` is the number of the call; None if the module's calls are not told apart.
    """

    scope: str
    call: int | None
    members: list[int]
    items: list[int | Block] = field(default_factory=list["int | Block"])

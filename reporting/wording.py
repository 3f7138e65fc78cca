"""How figures are written for people. Imports nothing: `hpass --help` comes by here."""

from math import floor


def several(count: int, thing: str) -> str:
    """Return how many things there are: `1 node`, `2,000 nodes`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def percent(share: float) -> str:
    """Return a share in percent, never rounded up to all of it."""
    return f"{floor(share * 1000) / 10:g}%"

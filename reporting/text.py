"""How figures are written for people. Imports nothing: `hpass --help` comes by here."""

from math import floor


def percent(share: float) -> str:
    """Return a share in percent, never rounded up to all of it."""
    return f"{floor(share * 1000) / 10:g}%"

"""Format numbers as text. `hpass --help` imports this module, so it must not import onnx or torch."""

from math import floor


def counted(count: int, thing: str) -> str:
    """Return a count with its noun: `1 node`, `2,000 nodes`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def percent(share: float) -> str:
    """Return a share (0 to 1) as a percentage, rounded down to 0.1, so that 100% means all."""
    return f"{floor(share * 1000) / 10:g}%"

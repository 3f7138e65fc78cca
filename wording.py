"""Format numbers as text. `hpass --help` imports this module, so it must not import onnx or torch."""

from collections.abc import Sequence


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 node`, `2,000 nodes`. `many` is by default `one` with an s at the end."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def percent(part: int, whole: int) -> str:
    """Return a part as a percentage of the whole, rounded as in `percentages`; 100% if the whole is 0."""
    return percentages([part, whole - part])[0] if whole else "100%"


def percentages(counts: Sequence[int], decimals: int = 1) -> list[str]:
    """Return each count as a percentage of their sum, rounded so that together they are 100%.

    Each percentage is rounded down, and the missing units are added to those with the largest remainders. A count that
    is less than the sum never becomes 100%.
    """
    total = sum(counts)
    if not total:
        return ["0%"] * len(counts)
    whole = 100 * 10**decimals
    units, remainders = zip(*(divmod(count * whole, total) for count in counts), strict=True)
    raisable = [index for index, unit in enumerate(units) if remainders[index] and unit < whole - 1]
    raised = sorted(raisable, key=lambda index: -remainders[index])[: whole - sum(units)]
    return [f"{(unit + (index in raised)) / 10**decimals:g}%" for index, unit in enumerate(units)]

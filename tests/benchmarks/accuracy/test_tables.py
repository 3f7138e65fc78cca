"""Where a module table lowers the accuracy."""

from __future__ import annotations

from typing import Any

from benchmarks.accuracy.tables import Loss, losses


def row(model: str, case: str, exact: int) -> dict[str, Any]:
    return {"model": model, "engine": "current", "case": case, "total": {"exact": exact}}


def test_a_model_that_its_table_makes_worse_is_a_loss_and_the_greatest_comes_first() -> None:
    rows = [
        *(row("better", "stripped", 5), row("better", "stripped, modules", 6)),
        *(row("worse", "names", 5), row("worse", "modules", 4)),
        *(row("worst", "stripped", 5), row("worst", "stripped, modules", 1)),
        *(row("equal", "stripped", 5), row("equal", "stripped, modules", 5)),
        row("alone", "modules", 1),
    ]

    assert losses({"rows": rows}) == [
        Loss("worst", "current", "stripped", 5, 1),
        Loss("worse", "current", "names", 5, 4),
    ]

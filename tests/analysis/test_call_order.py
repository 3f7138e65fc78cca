"""The order of calls that a module table tells of."""

from __future__ import annotations

import pytest
from text_models import table

from hpass.analysis.call_order import fits_call_order, order_of_calls

REGISTERED = {"": "M", "attention": "A", "mlp": "P", "norm": "N"}
CALLED = {scope: {"class": name, "order": order} for order, (scope, name) in enumerate(REGISTERED.items())}


@pytest.mark.parametrize(
    ("modules", "scopes", "fits"),
    [
        pytest.param(REGISTERED, ["attention", None, "mlp", "norm"], True, id="the nodes come in this order"),
        pytest.param(REGISTERED, ["norm", "attention", None, "mlp"], False, id="the nodes come in another order"),
        pytest.param(REGISTERED, [None, None], True, id="nothing is known"),
        pytest.param(CALLED, ["norm", "attention", "mlp"], True, id="the table recorded calls"),
    ],
)
def test_a_table_in_the_order_of_registration_may_not_be_that_of_calls(
    modules: dict[str, object], scopes: list[str | None], *, fits: bool
) -> None:
    modules_table = table(modules)

    assert fits_call_order(modules_table, order_of_calls(modules_table, []), scopes) is fits

"""A model that breaks a rule of ONNX is found before it is written."""

from __future__ import annotations

import onnx_ir
import pytest

from hpass.exporter.export_check import MAX_KEPT_BYTES, InvalidModelError, check

pytestmark = pytest.mark.torch

TEXT = """<ir_version: 8, opset_import: ["" : 17]>
g (float[2,4] x) => (float[2,4] y) <float[4] heavy = {{1.0, 2.0, 3.0, 4.0}}> {{ {nodes} }}
"""


def model(nodes: str) -> onnx_ir.Model:
    return onnx_ir.from_onnx_text(TEXT.format(nodes=nodes))


def test_a_valid_model_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpass.exporter.export_check.MAX_KEPT_BYTES", 0)
    valid = model("y = Add(x, heavy)")
    check(valid)
    assert [value.name for value in valid.graph.inputs] == ["x"]
    assert list(valid.graph.initializers) == ["heavy"]
    assert MAX_KEPT_BYTES > 0


def test_sizes_said_of_an_output_are_not_asked() -> None:
    check(model("y = Concat<axis = 0>(x, x)"))


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ("y = Add(x, nowhere)", "nowhere"),
        ("axis = Constant<value_ints = [1]>() y = Squeeze(x, axis)", "must be 1 instead of 4"),
    ],
)
def test_an_invalid_model_is_refused(nodes: str, why: str) -> None:
    with pytest.raises(InvalidModelError, match=why):
        check(model(nodes))

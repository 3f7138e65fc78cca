"""A shorter model ends where the nodes that were cut off read from it."""

from __future__ import annotations

import onnx
import pytest
from text_models import model

from benchmarks.accuracy.shorter import shorter

TEN = "".join(f'["{i}"] v{i + 1} = Add(v{i}, w{i})' for i in range(9))


@pytest.fixture
def ten() -> onnx.ModelProto:
    return model(f'["first"] v0 = Relu(x) {TEN[:-1]})'.replace("v9 =", "y ="), parameters=[f"w{i}" for i in range(9)])


def test_it_has_the_first_nodes_with_what_they_read_and_the_modules_that_run_in_these(ten: onnx.ModelProto) -> None:
    truth = ["", "a.b", "a.b", "a.c", "a.c", "a.c", "d", "d", "e", "e"]

    found = shorter(ten, truth, dict.fromkeys(("", "a", "a.b", "a.c", "d", "e")))

    assert len(found.model.graph.node) == 7
    assert [output.name for output in found.model.graph.output] == ["v6"]
    assert [weight.name for weight in found.model.graph.initializer] == [f"w{i}" for i in range(6)]
    assert list(found.modules) == ["", "a", "a.b", "a.c", "d"]
    assert found.whole == {"", "a.b", "a.c"}

import onnx.defs
import onnx_graphsurgeon as gs
import pytest

from hpass.graph.operators import AUXILIARY_OPERATORS, is_auxiliary


def test_every_auxiliary_operator_is_an_onnx_operator() -> None:
    standard = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if not schema.domain}

    assert standard >= AUXILIARY_OPERATORS


@pytest.mark.parametrize("op", ["Shape", "Size", "Constant", "ConstantOfShape", "Cast", "Reshape", "Flatten"])
@pytest.mark.parametrize("domain", [None, "", "ai.onnx"])
def test_what_moves_shapes_and_converts_is_auxiliary(op: str, domain: str | None) -> None:
    assert is_auxiliary(gs.Node(op, domain=domain))


@pytest.mark.parametrize("op", ["MatMul", "Conv", "Add", "Softmax", "ReduceMean", "QuantizeLinear", "If"])
def test_what_computes_is_not_auxiliary(op: str) -> None:
    assert not is_auxiliary(gs.Node(op))


def test_an_operator_of_another_domain_is_not_auxiliary() -> None:
    assert not is_auxiliary(gs.Node("Shape", domain="com.example"))

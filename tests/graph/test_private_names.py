"""What hpass uses of graphsurgeon beyond its interface: a name that a new version drops is told, with its users."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from importlib.metadata import version
from pkgutil import resolve_name

import numpy as np
import onnx_graphsurgeon as gs
import pytest
from onnx import AttributeProto, TensorProto, helper
from onnx_graphsurgeon.util.misc import SynchronizedList
from product import sources

from hpass.graph.fast_nodes import make_constant, make_node, make_variable
from hpass.graph.lazy_values import DenseValues, Storage

IMPORTED = [
    "onnx_graphsurgeon.exporters.onnx_exporter:OnnxExporter",
    "onnx_graphsurgeon.ir.tensor:LazyValues",
    "onnx_graphsurgeon.ir.tensor:SparseValues",
    "onnx_graphsurgeon.logger.logger:G_LOGGER",
    "onnx_graphsurgeon.logger.logger:LogMode",
    "onnx_graphsurgeon.util.misc:SynchronizedList",
    "onnx_graphsurgeon.util.misc:convert_from_onnx_attr_type",
]
ATTRIBUTES: dict[str, Callable[[], object]] = {
    "_values": lambda: gs.Constant("c", np.zeros(1)),
    "once_logged": lambda: resolve_name("onnx_graphsurgeon.logger.logger:G_LOGGER"),
    "parent_obj": lambda: gs.Node("Relu").inputs,
    "field_name": lambda: gs.Node("Relu").inputs,
    "export_attributes": lambda: resolve_name(IMPORTED[0]),
    "export_tensor_proto": lambda: resolve_name(IMPORTED[0]),
    "export_value_info_proto": lambda: resolve_name(IMPORTED[0]),
}


def gone(name: str, users: list[str]) -> str:
    return f"onnx-graphsurgeon {version('onnx-graphsurgeon')} has no {name}, which is used in {', '.join(users)}"


@pytest.mark.parametrize("name", IMPORTED)
def test_what_is_imported_is_there(name: str) -> None:
    users = [path for path, tree in sources().items() if name in imports(tree)]
    assert users, f"nothing uses {name} any more: take it off the list"
    try:
        resolve_name(name)
    except (AttributeError, ImportError):
        pytest.fail(gone(name, users))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_private_attribute_is_there(name: str) -> None:
    users = [path for path, tree in sources().items() if name in attributes(tree)]
    assert users, f"nothing uses {name} any more: take it off the list"
    assert hasattr(ATTRIBUTES[name](), name), gone(name, users)


def test_no_other_name_is_imported() -> None:
    assert {name for tree in sources().values() for name in imports(tree)} == set(IMPORTED)


def test_a_node_is_the_one_that_the_constructor_makes() -> None:
    tensors = [gs.Variable(name) for name in "abcd"]

    fast, plain = make_node("Add", "n", tensors[:2], [], "ai"), gs.Node("Add", "n", {}, tensors[2:], [], "ai")

    assert described(fast) == described(plain)
    assert [described(tensor) for tensor in fast.inputs] == [
        described(tensor) | {"name": name} for name, tensor in zip("ab", plain.inputs, strict=True)
    ]


def test_a_variable_is_the_one_that_the_constructor_makes() -> None:
    assert described(make_variable("v")) == described(gs.Variable("v"))


def test_a_constant_is_the_one_that_the_constructor_makes() -> None:
    values = DenseValues(helper.make_tensor("c", TensorProto.FLOAT, [1], [1.0]), Storage())

    assert described(make_constant("c", values, 0)) == described(gs.Constant("c", values, data_location=0))


def test_a_constant_keeps_lazy_values_and_loads_them_when_they_are_read() -> None:
    values = DenseValues(helper.make_tensor("c", TensorProto.FLOAT, [2], [1.0, 2.0]), Storage())
    constant = gs.Constant("c", values)

    assert constant._values is values
    assert constant.values.tolist() == [1.0, 2.0]
    assert constant._values is constant.values


def test_the_exporter_writes_single_messages() -> None:
    exporter = resolve_name(IMPORTED[0])

    assert "do_type_check" in inspect.signature(exporter.export_value_info_proto).parameters
    assert exporter.export_value_info_proto(gs.Variable("v"), do_type_check=False).name == "v"
    assert exporter.export_tensor_proto(gs.Constant("c", np.zeros(3, np.float32))).dims == [3]
    assert [attribute.i for attribute in exporter.export_attributes({"axis": 1})] == [1]


def test_the_type_of_a_reference_to_an_attribute_is_a_type_of_python() -> None:
    assert resolve_name(IMPORTED[-1])(AttributeProto.INT) is int


def imports(tree: ast.Module) -> set[str]:
    """Return what a module imports of graphsurgeon's own modules."""
    return {
        f"{node.module}:{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("onnx_graphsurgeon")
        for name in node.names
    }


def attributes(tree: ast.Module) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def described(made: gs.Node | gs.Tensor) -> dict[str, object]:
    """Return all attributes, and of linked lists their type, their length and the field that they keep in step."""
    return {
        key: (isinstance(value, SynchronizedList), len(value), value.field_name)
        if key in {"inputs", "outputs"}
        else value
        for key, value in vars(made).items()
    }

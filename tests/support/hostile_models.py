"""Small models for tests of what somebody may have put into a file, on purpose or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper

MODULE_TABLE = "module_table"


def node(name: str = "", op: str = "Relu", reads: Sequence[str] = ("x",), write: str = "y", **kind: str) -> NodeProto:
    """Return a node; `kind` is its domain and overload."""
    return helper.make_node(op, list(reads), [write], name, **kind)


def with_metadata(made: NodeProto, metadata: Mapping[str, str]) -> NodeProto:
    """Return the node with metadata added."""
    for key, value in metadata.items():
        made.metadata_props.add(key=key, value=value)
    return made


def function(name: str, *nodes: NodeProto, overload: str = "") -> FunctionProto:
    """Return a local function that reads `x` and writes `y`."""
    return helper.make_function("local", name, ["x"], ["y"], list(nodes), _domains(), overload=overload)


def model(
    nodes: Sequence[NodeProto], *, properties: Mapping[str, str] | None = None, functions: Sequence[FunctionProto] = ()
) -> ModelProto:
    """Return a model that reads `x` and writes `y`."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("x", "y")]
    graph = helper.make_graph(list(nodes), "g", values[:1], values[1:])
    made = helper.make_model(graph, opset_imports=_domains(), functions=list(functions), ir_version=10)
    for key, value in (properties or {}).items():
        made.metadata_props.add(key=key, value=value)
    return made


def _domains() -> list[object]:
    return [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]

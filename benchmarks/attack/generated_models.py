"""Models made from nothing: few names, so that they meet in cycles, calls, tables, tags and metadata."""

from __future__ import annotations

from random import Random

import onnx
from onnx import AttributeProto, TensorProto, helper

from .hostile_text import KEYS, WORDS

_SCOPES = ("", "a", "b", "a.b", "a.0", "a.1", "a.0.b", "m.a", "m.a.b", "a..b", ".a")
_VALUES = ("", "x", "y", "u", "v", "w", "a.weight", "a.0.weight", "m.a.b.bias")
_NAMES = (
    "",
    "/a/Relu",
    "/a/b/Add",
    "/m/a/Add",
    "/a.0/Add_1",
    "/a.1/Add_2",
    "node_relu_1",
    "Relu_3",
    "/Reshape",
    "/a//b",
)
_OPERATORS = ("Relu", "Add", "MatMul", "Shape", "Cast", "Constant", "If", "Identity", "F", "G", "Conv", "Reshape")
_CLASSES = ("Net", "A", "torch.nn.modules.linear.Linear", "Linear", "")


def generate(random: Random) -> onnx.ModelProto:
    """Return a model with up to two functions, subgraphs two levels deep, weights, and metadata of all kinds."""
    graph = onnx.GraphProto(name="g")
    _fill(random, graph, random.randint(0, 12), depth=2)
    for value in random.sample(_VALUES, k=3):
        graph.initializer.append(helper.make_tensor(value, TensorProto.FLOAT, [1], [random.random()]))
    graph.input.extend(helper.make_tensor_value_info(value, TensorProto.FLOAT, [1]) for value in ("x", "y"))
    graph.output.extend(
        helper.make_tensor_value_info(value, TensorProto.FLOAT, [1]) for value in random.sample(_VALUES, k=2)
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    for name in random.sample(("F", "G"), k=random.randint(0, 2)):
        function = model.functions.add(name=name, domain=random.choice(("", "local")), input=["x"], output=["y"])
        _fill(random, function, random.randint(0, 4), depth=1)
    for key in random.sample(("module_table", "hpass.modules"), k=random.randint(0, 2)):
        model.metadata_props.add(key=key, value=_table(random))
    if random.random() < 0.3:
        model.metadata_props.add(key="hpass.version", value=random.choice(("1", "2", "2", "3", "")))
    return model


def _fill(random: Random, graph: onnx.GraphProto | onnx.FunctionProto, count: int, depth: int) -> None:
    for _ in range(count):
        operator = random.choice(_OPERATORS)
        node = graph.node.add(op_type=operator, name=random.choice(_NAMES), domain=random.choice(("", "", "local")))
        node.input.extend(random.choices(_VALUES, k=random.randint(0, 3)))
        node.output.extend(random.choices(_VALUES, k=random.randint(0, 2)))
        if depth and random.random() < 0.2:
            inner = node.attribute.add(name="body", type=AttributeProto.GRAPH).g
            inner.name = "inner"
            _fill(random, inner, random.randint(0, 3), depth - 1)
        _describe(random, node)


def _describe(random: Random, node: onnx.NodeProto) -> None:
    """Add metadata of an exporter, of hpass, or none."""
    kind = random.random()
    if kind < 0.2:
        scopes = ["", *random.sample(_SCOPES[1:7], k=random.randint(0, 2)), "relu"]
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr(scopes))
        classes = [*random.choices(_CLASSES, k=len(scopes) - 1), "aten.relu.default"]
        node.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value=repr(classes))
    elif kind < 0.4:
        node.metadata_props.add(key="hpass.scope", value=random.choice(_SCOPES))
        for key in random.sample(KEYS[1:6], k=random.randint(0, 4)):
            node.metadata_props.add(key=key, value=random.choice((*_SCOPES, *WORDS)))
    elif kind < 0.5:
        node.metadata_props.add(key="namespace", value=f": Net/a: A/{random.choice(_SCOPES)}: aten.add")


def _table(random: Random) -> str:
    entries = [f'"{scope}": "{random.choice(_CLASSES)}"' for scope in random.sample(_SCOPES, k=random.randint(0, 6))]
    return f"{{{', '.join(entries)}}}"

"""Files that somebody made to break hpass, or that a fuzzer found."""

from __future__ import annotations

import json
from collections.abc import Callable

from hostile_models import MODULE_TABLE, function, model, node, with_metadata
from onnx import AttributeProto, ModelProto, TensorProto

from hpass.evidence.exporter_metadata import NAME_SCOPES
from hpass.evidence.parameter_uses import FOLDED_FROM
from hpass.tags.scope import MAX_DEPTH
from hpass.tags.tag_format import MODULES, SCOPE, SERVES, VERSION

# Stands in a text for bytes that are no UTF-8, which Python cannot write into a message.
NO_TEXT = "\x01\x02\x03"
SURROGATE = '{"version": 1, "modules": {"\\ud800": {"class": "X"}}}'


def two_attributes_of_one_name() -> ModelProto:
    """Return a node with two attributes of one name, the first of a type that graphsurgeon does not have."""
    made = node("/a/Relu")
    made.attribute.add(name="q", type=AttributeProto.TYPE_PROTO).tp.tensor_type.elem_type = 1
    made.attribute.add(name="q", type=AttributeProto.INT, i=5)
    return model([made])


def cycle() -> ModelProto:
    """Return a model whose named nodes form a cycle."""
    nodes = [
        node(f"/{'ab'[i % 2]}/Add_{i}" if i < 5 else "", "Add", [f"v{(i - 1) % 6}"] * 2, f"v{i}") for i in range(6)
    ]
    return model([*nodes, node()])


def function_names() -> ModelProto:
    """Return a model of functions of one name whose overloads are text and no text, each called by the next."""
    overloads = ["mean", NO_TEXT, "sum"]
    bodies = [
        function("F", node("/a/F", "F", domain="local", overload=other), overload=overload)
        for overload, other in zip(overloads, [*overloads[1:], "none"], strict=True)
    ]
    return model([node("/b/F", "F", domain="local", overload=overload) for overload in overloads], functions=bodies)


def function_bomb() -> ModelProto:
    """Return a model that would have a million million nodes if its functions were inlined."""
    calls = [
        [node("", f"F{i + 1}", ["x"], "t", domain="local"), node("", f"F{i + 1}", ["t"], "y", domain="local")]
        for i in range(40)
    ]
    bodies = [function(f"F{i}", *nodes) for i, nodes in enumerate(calls)]
    return model([node("", "F0", domain="local")], functions=[*bodies, function("F40", node())])


def recursive_functions() -> ModelProto:
    """Return a model of two functions that call each other."""
    bodies = [function(f"F{i}", node(f"/a/F{i}", f"F{1 - i}", domain="local")) for i in range(2)]
    return model([node("", "F0", domain="local")], functions=bodies)


def folded(value: str) -> ModelProto:
    """Return a model that reads a value which was folded from others; `value` is the metadata that says so."""
    made = model([node("n", "PRelu", ["x", "val_1"])])
    info = made.graph.value_info.add(name="val_1")
    info.metadata_props.add(key=FOLDED_FROM, value=value)
    return made


def initializer(name: str) -> ModelProto:
    """Return a model that reads an initializer."""
    made = model([node("n", "Add", ["x", name])])
    made.graph.initializer.append(TensorProto(name=name, data_type=1, dims=[0]))
    return made


def inheriting_root(serves: str) -> ModelProto:
    """Return a tagged model that has a root operation which serves what no run would write."""
    first = with_metadata(node("r", "Reshape", ["x", "x"], "t"), {SCOPE: "", SERVES: serves})
    return model([first, node("/a/Relu", "Relu", ["t"])], properties={VERSION: "1", MODULES: '{"": "M"}'})


def names(*found: str) -> ModelProto:
    """Return a model of nodes with these names."""
    return model([node(name, "Relu", [f"v{i}"], f"v{i + 1}") for i, name in enumerate(found)])


def metadata(**entries: str) -> ModelProto:
    """Return a model of a node with metadata; `hpass_scope` stands for the key `hpass.scope`."""
    return model([with_metadata(node("/a/Relu"), {key.replace("_", "."): value for key, value in entries.items()})])


def table(text: str, key: str = MODULE_TABLE) -> ModelProto:
    """Return a model with a module table."""
    return model([node("/a/Relu")], properties={key: text, VERSION: "1"} if key == MODULES else {key: text})


DEEP = "/a" * 10_000 + "/Relu"
FILES: dict[str, Callable[[], ModelProto]] = {
    "two attributes of one name": two_attributes_of_one_name,
    "a cycle": cycle,
    "functions whose names are no text": function_names,
    "functions that call each other": recursive_functions,
    "a function bomb": function_bomb,
    "a folded value of no text": lambda: folded(f"['{NO_TEXT}.a.weight']"),
    "an initializer of no text": lambda: initializer(f"a.{NO_TEXT}.weight"),
    "metadata keys of no text": lambda: metadata(**{NO_TEXT: "v", "hpass_x": NO_TEXT, NAME_SCOPES: NO_TEXT}),
    "a deep name": lambda: names(DEEP),
    "a deep parameter": lambda: initializer("a." * 10_000 + "weight"),
    "a deep scope": lambda: metadata(hpass_scope=".".join("a" * 10_000)),
    "a deep stack": lambda: metadata(**{NAME_SCOPES: repr(["", ".".join("a" * 10_000), "op"])}),
    "a deep table": lambda: table(json.dumps({".".join("a" * 10_000): "A"})),
    "as deep as can be": lambda: names("/a" * MAX_DEPTH + "/Relu", "/a" * (MAX_DEPTH + 1) + "/Relu"),
    "a name of a million characters": lambda: names("/a." + "b" * 1_000_000 + "/Relu"),
    "a name of a long number": lambda: names(f"/layers.{'9' * 4301}/Relu", f"/fc_{'9' * 4301}/Relu"),
    "a scope of a long number": lambda: metadata(hpass_scope=f"layers.{'9' * 4301}"),
    "a table of a long number": lambda: table(json.dumps({"9" * 4301: "A"})),
    "names with an empty part": lambda: names("/a..b/Relu", "a/../b", "/.a/Relu", "a./b", "/a/./Relu"),
    "a scope with an empty part": lambda: metadata(hpass_scope="a..b", hpass_source="name"),
    "a stack with an empty part": lambda: metadata(**{NAME_SCOPES: "['', 'a.', 'a..b', 'op']"}),
    "a surrogate in metadata": lambda: metadata(**{NAME_SCOPES: r"['', '\ud800', 'op']"}),
    "a surrogate in the exporter's table": lambda: table(SURROGATE),
    "a surrogate in hpass's table": lambda: table(SURROGATE, MODULES),
    "a table that is nested": lambda: table(f'{{"a": {{"x": {"[" * 900}{"]" * 900}}}}}'),
    "a table of numbers that are none": lambda: table('{"a": {"order": NaN}}'),
    "an order of words": lambda: table('{"": {"order": "first"}, "a": {"order": 1}}'),
    "parameters that are a number": lambda: table('{"": {"parameters": 1}, "a": {"order": 1}}'),
    "serves the scope": lambda: metadata(hpass_scope="a", hpass_serves="a"),
    "serves the root at the root": lambda: inheriting_root(""),
    "serves no module": lambda: inheriting_root("a..b"),
    "tags of words that there are not": lambda: metadata(hpass_scope="a", hpass_source="rumour", hpass_confidence="1"),
}


def on_the_wire(made: ModelProto) -> bytes:
    """Return the bytes of the file, in which NO_TEXT is no text."""
    return made.SerializeToString().replace(NO_TEXT.encode(), b"\xff\xfe\xe9")

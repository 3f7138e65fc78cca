"""Models, files and packages in which every name is an attack on whoever prints it."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import onnx
from onnx import helper

# A terminal title, control sequences in both forms, line breaks of five kinds, characters that reverse the direction of
# writing or are invisible, the end of a code fence, HTML, Markdown, rich's markup, and backslashes.
TEXT = (
    "\x1b]0;title\x07\x1b[2J\x9b31m\n```\r\u2028\u0085<img src=x onerror=alert(1)>\u202eabc\u2066\u200b\xad\x7f"
    "\n\n# h\n- i\n|a|b|\n``` `c` **d** [e](javascript:f) ![g](h) <!-- &lt;script&gt; "
    "[red]r[/red][link=http://k]l[/link] www.m.n \\n\\"
)
# What a file can be called.
FILE = TEXT.replace("/", "")
# What a module can be called.
ATOM = FILE.replace(".", "")

# What only a name in a model can be.
NAME = f"{TEXT}\0"

_OPSETS = [("", 17), (f"d{NAME}", 1)]


def model(op: str = NAME) -> onnx.ModelProto:
    """Return a model that names everything hostilely; `op` is the type of one of its operators."""
    domain = _OPSETS[1][0]
    body = helper.make_node(f"body{NAME}", ["x"], ["y"], domain=domain, name=f"/{ATOM}/body/{NAME}")
    function = helper.make_function(
        domain, f"f{NAME}", ["x"], ["y"], [body], [helper.make_opsetid(*item) for item in _OPSETS]
    )
    branch = helper.make_graph([helper.make_node("Neg", ["c"], ["b"], name=NAME)], f"branch{NAME}", [], [_value("b")])
    nodes = [
        helper.make_node(op, ["x", f"{ATOM}.weight"], ["a"], domain=domain, name=f"/enc{ATOM}/lay{ATOM}/Op"),
        helper.make_node("Relu", ["a"], [f"v{NAME}"], name=f"/enc{ATOM}/act{ATOM}/Relu"),
        helper.make_node(f"f{NAME}", [f"v{NAME}"], ["c"], domain=domain, name=f"call{NAME}"),
        helper.make_node("If", ["flag"], ["d"], name=NAME, **{f"then{NAME}": branch, "else_branch": branch}),
        helper.make_node("Cast", ["d"], ["e"], to=1),
        helper.make_node(f"Alone{NAME}", [], ["f"], domain=domain),
        helper.make_node("Add", ["e", "f"], [f"out{NAME}"], name=f"last{NAME}"),
    ]
    _add(nodes[1], "pkg.torch.onnx.name_scopes", repr(["", ATOM, f"{ATOM}.{ATOM}", "relu"]))
    _add(nodes[1], "pkg.torch.onnx.class_hierarchy", repr([f"M{NAME}", f"m.K{NAME}", f"L{NAME}", "aten.relu"]))
    _add(nodes[6], NAME, NAME)
    weight = helper.make_tensor(f"{ATOM}.weight", 1, [1], [1.0])
    graph = helper.make_graph(
        nodes, f"graph{NAME}", [_value("x"), _value("flag", 9)], [_value(f"out{NAME}")], [weight], doc_string=TEXT
    )
    proto = helper.make_model(
        graph, ir_version=8, functions=[function], opset_imports=[helper.make_opsetid(*item) for item in _OPSETS]
    )
    proto.producer_name = NAME
    _add(proto, "module_table", json.dumps(table()))
    _add(proto, NAME, NAME)
    return proto


def tagged() -> onnx.ModelProto:
    """Return the model with tags that no hpass wrote."""
    proto = model()
    for node in (*proto.graph.node, *proto.functions[0].node):
        for key in ("scope", "serves", "call", "tag", "source", "confidence", NAME):
            _add(node, f"hpass.{key}", f"{ATOM}.{key}{NAME}")
    _add(proto, "hpass.version", "1")
    _add(proto, "hpass.modules", json.dumps(table()))
    return proto


def future() -> onnx.ModelProto:
    """Return a model tagged in a version that there is not."""
    proto = tagged()
    proto.metadata_props[-2].value = NAME
    return proto


def table() -> dict[str, str]:
    """Return a module table."""
    return {"": f"Root{TEXT}", f"enc{ATOM}": f"K{TEXT}", ATOM: TEXT, f"{ATOM}.{ATOM}": f"m.{TEXT}"}


FACTORY = f"""
from torch import nn, zeros

Inner = type({ATOM!r}, (nn.Module,), {{"forward": lambda self, x: x.relu()}})


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module({ATOM!r}, Inner())

    def forward(self, x):
        return getattr(self, {ATOM!r})(x)


def make():
    return Outer(), zeros(1)


def fail():
    raise ValueError({TEXT!r})


Outer.__name__ = Outer.__qualname__ = {ATOM!r}
"""


PLUGIN = f"""
from dataclasses import dataclass
from typing import ClassVar

import hpass


@dataclass(frozen=True)
class Shout(hpass.Pass):
    name: ClassVar[str] = "shout"
    volume: str = hpass.option({TEXT!r}, {TEXT!r})

    def apply(self, context):
        for node in context.graph.nodes:
            context.set_tag(node, hpass.Tag({ATOM!r}, hpass.Source.NAME), {TEXT!r})
        context.findings.add(hpass.Severity.ERROR, "rule", {TEXT!r}, {TEXT!r})


Shout.__doc__ = {TEXT!r}.replace("\\n", "")
"""


def entry_points(folder: Path) -> list[EntryPoint]:
    """Return entry points of a module in a folder: a pass, one whose module fails, and one whose name is hostile."""
    (folder / "shout_plugin.py").write_text(PLUGIN)
    (folder / "broken_plugin.py").write_text(f"raise ImportError({TEXT!r})\n")
    return [
        EntryPoint("shout", "shout_plugin:Shout", "hpass.passes"),
        EntryPoint("broken", "broken_plugin:Broken", "hpass.passes"),
        EntryPoint(TEXT, "shout_plugin:Shout", "hpass.passes"),
    ]


def _value(name: str, kind: int = 1) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [1])


def _add(message: onnx.NodeProto | onnx.ModelProto, key: str, value: str) -> None:
    message.metadata_props.add(key=key, value=value)

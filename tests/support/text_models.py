"""Models written as ONNX text, and one pass run alone over them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import onnx
import onnx.parser
from onnx import TensorProto, helper

from hpass import Context, Model, ModuleTable, Pass, Tag
from hpass.graph.walk import all_nodes
from hpass.tags.scope import parent

HEADER = '<ir_version: 10, opset_import: ["": 18, "local": 1]>'
NAME_SCOPES = "pkg.torch.onnx.name_scopes"
CLASS_HIERARCHY = "pkg.torch.onnx.class_hierarchy"

Metadata = Mapping[str, Mapping[str, str]]
"""Node metadata, which ONNX text has no form for, by the name of the node."""


def model(
    nodes: str,
    *,
    metadata: Metadata | None = None,
    parameters: Collection[str] = (),
    functions: str = "",
    properties: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """Return a model of these nodes, written as in `["name"] y = Relu(x)`, that reads `x` and writes `y`.

    `parameters` are the names of its initializers, `functions` the text of its local functions, `properties` the
    metadata of the model itself. No types are given but those of `x` and `y`.
    """
    made = onnx.parser.parse_model(f"{HEADER} main (float[4, 4] x) => (float[4, 4] y) {{ {nodes} }} {functions}")
    for name in parameters:
        made.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [4, 4], [0.0] * 16))
    for node in all_nodes(made):
        for key, value in (metadata or {}).get(node.name, {}).items():
            node.metadata_props.add(key=key, value=value)
    for key, value in (properties or {}).items():
        made.metadata_props.add(key=key, value=value)
    return made


def stack(*scopes: str, classes: Collection[str] = ()) -> dict[str, str]:
    """Return the metadata that torch's exporter gives a node while these modules below the root are open."""
    found = {NAME_SCOPES: repr(["", *scopes, "node"])}
    if classes:
        found[CLASS_HIERARCHY] = repr([*classes, "aten.op.default"])
    return found


def run_pass(
    step: Pass,
    source: onnx.ModelProto,
    *,
    tags: Mapping[str, Tag] | None = None,
    table: ModuleTable | None = None,
    retag: bool = False,
) -> Context:
    """Run one pass alone and return its context; `tags` are there before, by the name of the node.

    With tags there are modules as well: those of `table`, and all that the tags lie in.
    """
    context = Context(Model.open(source), given=table, retag=retag)
    if table is not None and tags:
        context.table.modules.merge(table)
    for tag in (tags or {}).values():
        for scope in _upwards(tag.target):
            context.table.modules.add(scope)
    for node in context.nodes():
        if tags and node.name in tags:
            context.set_tag(node, tags[node.name], "the test says so")
    step.run(context)
    return context


def _upwards(scope: str) -> Iterator[str]:
    """Yield a scope and those above it."""
    while scope:
        yield scope
        scope = parent(scope)


def tags_of(context: Context) -> dict[str, tuple[str, str, str]]:
    """Return scope, source and confidence of every tagged node in every region, by the node's name."""
    return {node.name: (tag.scope, tag.source.value, tag.confidence.value) for node, tag in context.tagged_nodes()}


def scopes_of(context: Context) -> dict[str, str]:
    """Return the scope of every tagged node in every region, by the node's name."""
    return {node.name: tag.scope for node, tag in context.tagged_nodes()}


def table(modules: Mapping[str, object]) -> ModuleTable:
    """Return a module table of scope -> class, or of scope -> entry as in the JSON form."""
    return ModuleTable.from_json(dict(modules), "the test")

"""The modules of an optimised model's nodes, worked out without hpass.profiling.

A node of the optimised model stands for the original nodes on a path from a value that it reads to a value that it
writes, over no other value that the optimised model has. Its module is the nearest common ancestor of theirs. For the
layout of channels in blocks, which renames values, the answer comes from the model optimised one level less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx
import onnxruntime

LEVELS = onnxruntime.GraphOptimizationLevel
_SHAPES = {"Shape", "Size"}
_LAYOUT = {"ReorderInput", "ReorderOutput"}


def optimised_model(path: Path, level: onnxruntime.GraphOptimizationLevel, saved: Path) -> onnx.ModelProto:
    """Return the model as onnxruntime's CPU provider runs it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(saved)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return onnx.load(saved)


def common_ancestor(scopes: Iterable[str]) -> str:
    """Return the longest path of whole names that all scopes start with."""
    split = [scope.split(".") if scope else [] for scope in scopes]
    length = 0
    while split and all(len(atoms) > length and atoms[length] == split[0][length] for atoms in split):
        length += 1
    return ".".join(split[0][:length]) if split else ""


def between(original: onnx.GraphProto, optimised: onnx.GraphProto) -> dict[str, set[str]]:
    """Return the names of the original nodes that each node of the optimised graph stands for, by what it writes.

    Nodes that read or write no original value are left out.
    """
    edges = {name: node for node in original.node for name in node.output if name}
    folded = _folded(original)
    there = {name for node in optimised.node for name in node.output} | {item.name for item in optimised.initializer}
    known = {name for node in original.node for name in (*node.input, *node.output)}
    found: dict[str, set[str]] = {}
    for node in optimised.node:
        ends = [name for name in node.output if name in edges]
        # Conversions of the layout compute nothing of the original.
        if not ends or node.op_type in _LAYOUT:
            continue
        upstream: dict[str, onnx.NodeProto] = {}
        pending = [edges[name] for name in ends]
        while pending:
            inner = pending.pop()
            if inner.name not in upstream:
                upstream[inner.name] = inner
                pending += [edges[name] for name in inner.input if name in edges and name not in there]
        read = set(node.input) & known
        if not read:
            continue
        reached: set[str] = set()
        while True:
            fresh = {
                name
                for name, inner in upstream.items()
                if name not in reached and inner.op_type not in _SHAPES and read & _reads(inner)
            }
            if not fresh:
                break
            reached |= fresh
            read |= {name for inner in fresh for name in upstream[inner].output}
        names = reached or set(upstream)
        found[node.output[0]] = names - folded or names
    return found


def _folded(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the nodes that depend on weights alone, which are computed before the model runs."""
    depends = {value.name for value in graph.input} - {item.name for item in graph.initializer}
    names: set[str] = set()
    for node in graph.node:
        if node.op_type.startswith("Random") or depends & _reads(node):
            depends.update(node.output)
        else:
            names.add(node.name)
    return names


def in_blocks(
    extended: onnx.GraphProto, blocked: onnx.GraphProto, known: Mapping[str, set[str]]
) -> dict[str, set[str]]:
    """Return the original nodes of the convolutions in blocks; `known` has those of the level below.

    What the level below has and this one lacks was taken into the convolution that runs last before it. A Transpose
    was not: it became a part of the conversion of the layout.
    """
    computing = [node for node in blocked.node if node.op_type not in _LAYOUT]
    names = {name for node in computing for name in (node.name, *node.output) if name}
    converted = {name.removesuffix("_nchwc").removesuffix("_bn").removesuffix("_mul") for name in names}
    owner: dict[str, str] = {}
    rank: dict[str, int] = {}
    found: dict[str, set[str]] = {}
    for index, node in enumerate(extended.node):
        name = next((f"{value}_nchwc" for value in node.output if f"{value}_nchwc" in names), None)
        before = [value for value in node.input if value in owner]
        if (
            name is None
            and not (names | converted) & {node.name, *node.output}
            and before
            and node.op_type != "Transpose"
        ):
            name = owner[max(before, key=rank.__getitem__)]
        if name is not None:
            found.setdefault(name, set()).update(known.get(node.output[0], ()))
            for value in node.output:
                owner[value], rank[value] = name, index
    return found


def _reads(node: onnx.NodeProto) -> set[str]:
    inner = {name for attribute in node.attribute if attribute.HasField("g") for name in _captured(attribute.g)}
    return {*node.input, *inner}


def _captured(graph: onnx.GraphProto) -> Iterable[str]:
    for node in graph.node:
        yield from _reads(node)
    yield from (value.name for value in graph.output)


def expected_modules(path: Path, scopes: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the modules of nodes at onnxruntime's default level; `scopes` are those of original nodes."""
    original = onnx.load(path, load_external_data=False).graph
    extended = optimised_model(path, LEVELS.ORT_ENABLE_EXTENDED, folder / "extended.onnx").graph
    everything = optimised_model(path, LEVELS.ORT_ENABLE_ALL, folder / "all.onnx").graph
    written = between(original, everything)
    nodes = {node.name: written[node.output[0]] for node in everything.node if node.name and node.output[0] in written}
    nodes |= in_blocks(extended, everything, between(original, extended))
    return {
        name: common_ancestor({scopes[inner] for inner in replaced if inner in scopes})
        for name, replaced in nodes.items()
        if any(inner in scopes for inner in replaced)
    }

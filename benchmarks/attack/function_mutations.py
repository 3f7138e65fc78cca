"""Mutations of local functions: new, recursive, repeated, overloaded, unused ones, and calls of missing ones."""

from __future__ import annotations

from random import Random

import onnx

from hpass.graph.walk import all_nodes

from .hostile_text import name

_DOMAINS = ("local", "", "pkg.torch.nn", "my.domain")


def mutate_functions(random: Random, model: onnx.ModelProto) -> None:
    """Change one to four things about the functions of a model in place."""
    for _ in range(random.randint(1, 4)):
        random.choice((_outline, _outline, _call, _recurse, _repeat, _overload, _train))(random, model)


def _outline(random: Random, model: onnx.ModelProto) -> None:
    """Copy nodes into a new function and call it in place of one of them."""
    nodes = list(all_nodes(model))
    if not nodes:
        return
    function = model.functions.add(name=f"F{len(model.functions)}", domain=random.choice(_DOMAINS))
    body = random.sample(nodes, k=min(len(nodes), random.randint(1, 4)))
    function.node.extend(body)
    called = random.choice(nodes)
    function.input.extend(value for value in called.input if isinstance(value, str))
    function.output.extend(value for value in called.output if isinstance(value, str))
    _make_call(called, function)


def _call(random: Random, model: onnx.ModelProto) -> None:
    """Call a function where another operator was."""
    nodes = list(all_nodes(model))
    if model.functions and nodes:
        _make_call(random.choice(nodes), random.choice(model.functions))


def _recurse(random: Random, model: onnx.ModelProto) -> None:
    """Call functions from each other's bodies."""
    for function in model.functions:
        _make_call(function.node.add(name=name(random)), random.choice(model.functions))


def _repeat(random: Random, model: onnx.ModelProto) -> None:
    if model.functions:
        model.functions.add().CopyFrom(random.choice(model.functions))


def _overload(random: Random, model: onnx.ModelProto) -> None:
    if model.functions:
        random.choice(model.functions).overload = random.choice(("", "a", name(random)))
    for node in all_nodes(model):
        if random.random() < 0.2:
            node.overload = random.choice(("", "a"))


def _train(_random: Random, model: onnx.ModelProto) -> None:
    """Put a copy of the graph into the training information."""
    model.training_info.add().algorithm.CopyFrom(model.graph)


def _make_call(node: onnx.NodeProto, function: onnx.FunctionProto) -> None:
    """Make a node call a function, unless the names are no UTF-8, which cannot be assigned."""
    if isinstance(function.name, str) and isinstance(function.domain, str) and isinstance(function.overload, str):
        node.op_type, node.domain, node.overload = function.name, function.domain, function.overload

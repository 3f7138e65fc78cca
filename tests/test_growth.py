"""Twice as large a model takes about twice as many steps, whatever it is made of.

Steps are calls of functions, which can be counted and do not depend on the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

import onnx
import pytest
from hostile_models import function, model, node

import hpass
from hpass.tags.scope import MAX_DEPTH

OPERATORS = ("Relu", "Softmax", "Sigmoid", "Add")


class Case(NamedTuple):
    """A model, a module table for it, and a reference."""

    source: onnx.ModelProto
    modules: hpass.ModuleTable | None = None
    reference: onnx.ModelProto | None = None


def line(names: list[str]) -> list[onnx.NodeProto]:
    """Return nodes each of which reads what the one before it writes."""
    return [
        node(name, OPERATORS[index % len(OPERATORS)], [f"v{index}" if index else "x"], f"v{index + 1}")
        for index, name in enumerate(names)
    ]


def table(classes: dict[str, str]) -> hpass.ModuleTable:
    return hpass.ModuleTable.from_json(classes, "the test")


def with_parameters(made: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    made.graph.initializer.extend(onnx.TensorProto(name=name, data_type=1, dims=[0]) for name in names)
    return made


def functions(size: int) -> Case:
    bodies = [function(f"F{i}", *line([f"/m{i}/sub/Relu", "", f"/m{i}/Add", ""])) for i in range(size)]
    calls = [node("", f"F{i}", [f"v{i}" if i else "x"], f"v{i + 1}", domain="local") for i in range(size)]
    classes = {"": "M", **{f"m{i}": "Block" for i in range(size)}, **{f"m{i}.sub": "ReLU" for i in range(size)}}
    return Case(model(calls, functions=bodies), table(classes))


def unnamed_nodes_with_a_table(size: int) -> Case:
    return Case(model(line([""] * size)), table({"": "M", **{f"l.{i}": OPERATORS[i % 4] for i in range(size // 10)}}))


def modules_of_one_name(size: int) -> Case:
    parameters = [f"q{i}.w.weight" for i in range(size)]
    made = with_parameters(model(line([f"/q{i}/w/Relu" for i in range(size)])), parameters)
    return Case(made, table({f"p{i}.w": "A" for i in range(size)}))


def names_with_a_slash(size: int) -> Case:
    made = model(line([f"/h.{i}/a/b/Relu" for i in range(size)]))
    return Case(with_parameters(made, [f"h.a{i}/b.weight" for i in range(size)]))


def deep_names(size: int) -> Case:
    return Case(model(line([f"/{'/'.join(f'{i}a' for _ in range(MAX_DEPTH))}/Relu" for i in range(size // 20)])))


def a_name_of_suffixes(size: int) -> Case:
    return Case(model([node("a/b" + "__1" * 10 * size)]))


def subgraphs(size: int) -> Case:
    def branch(name: str) -> onnx.GraphProto:
        return onnx.helper.make_graph(line(["", ""]), name, [], [])

    nodes = [node(f"/m{i}/If", "If", ["x"], f"y{i}") for i in range(size)]
    for index, holder in enumerate(nodes):
        holder.attribute.append(onnx.helper.make_attribute("then_branch", branch(f"then{index}")))
    return Case(model(nodes))


def a_reference(size: int) -> Case:
    names = [f"/m{i}/Relu" for i in range(size)]
    return Case(model(line([""] * size)), reference=model(line(names)))


def calls_of_one_module(size: int) -> Case:
    names = [f"/m/a{f'_{i}' if i else ''}/Relu" for i in range(size)]
    nodes = [each for i, name in enumerate(names) for each in line_from(f"v{i}" if i else "x", name, f"v{i + 1}")]
    return Case(with_parameters(model(nodes), ["m.a.weight"]))


def line_from(read: str, name: str, written: str) -> list[onnx.NodeProto]:
    """Return a call of the module `m.a`, and a node of `m`."""
    inner = f"{written}_inner"
    return [node(name, "Gemm", [read, "m.a.weight"], inner), node("/m/Exp", "Exp", [inner], written)]


@pytest.mark.parametrize(
    "make",
    [
        functions,
        unnamed_nodes_with_a_table,
        modules_of_one_name,
        names_with_a_slash,
        deep_names,
        a_name_of_suffixes,
        subgraphs,
        a_reference,
        calls_of_one_module,
    ],
)
def test_the_steps_grow_as_the_model_does(make: Callable[[int], Case]) -> None:
    small, large = steps(make(100)), steps(make(200))

    assert large < 2.3 * small


def steps(case: Case) -> int:
    """Return how many functions a run calls, those of Python itself included."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        hpass.run(case.source, modules=case.modules, reference=case.reference).apply()
    finally:
        sys.setprofile(before)
    return count

"""Fixtures of the tests of inference: dataflow from ONNX text or a chain of operators, and module trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from onnx import helper
from text_models import model

from hpass import Model, ModuleTable
from hpass.inference.arrays import UNKNOWN, Ids
from hpass.inference.dataflow import Dataflow
from hpass.inference.scope_tree import ScopeTree


@pytest.fixture
def flow() -> Callable[..., Dataflow]:
    """Return a function that makes the dataflow of nodes written as ONNX text."""

    def make(nodes: str, *parameters: str) -> Dataflow:
        return Dataflow(Model.open(model(nodes, parameters=parameters)).graph.nodes)

    return make


@pytest.fixture
def chain() -> Callable[[Iterable[str]], Dataflow]:
    """Return a function that makes the dataflow of operators each of which reads the result of the one before it."""

    def make(operators: Iterable[str]) -> Dataflow:
        nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"]) for i, op in enumerate(operators)]
        graph = helper.make_graph(nodes, "g", [], [])
        return Dataflow(Model.open(helper.make_model(graph)).graph.nodes)

    return make


@pytest.fixture
def tree() -> Callable[..., ScopeTree]:
    """Return a function that makes the tree of some modules, with an empty table: every name above is a module."""
    return lambda *scopes: ScopeTree(scopes, ModuleTable())


@pytest.fixture
def modules() -> ScopeTree:
    """Return the tree of the modules `a`, `a.b`, `a.c` and `d`."""
    return ScopeTree(["a", "a.b", "a.c", "d"], ModuleTable())


@pytest.fixture
def numbers() -> Callable[[ScopeTree, Iterable[str | None]], Ids]:
    """Return a function that gives the numbers of some modules, UNKNOWN for None."""

    def convert(tree: ScopeTree, scopes: Iterable[str | None]) -> Ids:
        return np.array([UNKNOWN if scope is None else tree.id(scope) for scope in scopes], np.int64)

    return convert


@pytest.fixture
def names() -> Callable[[ScopeTree, Iterable[int]], list[str | None]]:
    """Return a function that gives the names of some numbers, None for UNKNOWN."""
    return lambda tree, numbers: [None if number == UNKNOWN else tree.names[number] for number in numbers]

"""What the tests of inference share: regions made of a chain, and trees of modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from onnx import helper
from text_models import model

from hpass import Model, ModuleTable
from hpass.inference.dataflow import Dataflow
from hpass.inference.scope_tree import ScopeTree


@pytest.fixture
def flow() -> Callable[..., Dataflow]:
    """Return a function that gives the flow of nodes written as ONNX text."""

    def make(nodes: str, *parameters: str) -> Dataflow:
        return Dataflow(Model.open(model(nodes, parameters=parameters)).graph.nodes)

    return make


@pytest.fixture
def chain() -> Callable[[Iterable[str]], Dataflow]:
    """Return a function that gives the flow of operators in a line, each reading what the one before it writes."""

    def make(operators: Iterable[str]) -> Dataflow:
        nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"]) for i, op in enumerate(operators)]
        graph = helper.make_graph(nodes, "g", [], [])
        return Dataflow(Model.open(helper.make_model(graph)).graph.nodes)

    return make


@pytest.fixture
def tree() -> Callable[..., ScopeTree]:
    """Return a function that gives the tree of these modules, all names above them counting as modules."""
    return lambda *scopes: ScopeTree(scopes, ModuleTable())

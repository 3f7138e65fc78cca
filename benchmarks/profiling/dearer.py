"""Whether a module that is made 2 and 4 times dearer is seen to be, and the others are seen to be as before.

The model is a stack of blocks, each of which multiplies by two matrices. One block is made dearer by repeating its
second multiplication and its activation, so that the arithmetic of the block grows by exactly that factor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import hpass

BLOCKS = 6
DEAR = 3
FACTORS = (2, 4)
_WIDTH = 128
_ROWS = 512


class Dearer(NamedTuple):
    """The factor that a block was made dearer by, the factor measured, and the largest change of another block."""

    factor: int
    measured: float
    largest_other: float


def dearer(runs: int) -> list[Dearer]:
    """Profile the stack as it is, and with one block made dearer."""
    base = times(1, runs)
    return [_compare(factor, base, times(factor, runs)) for factor in FACTORS]


def times(factor: int, runs: int) -> list[float]:
    """Return the time of each block, with one of them made dearer by a factor."""
    modules = hpass.profile(stack(factor), runs=runs).modules
    return [modules[f"blocks.{block}"].all_us for block in range(BLOCKS)]


def _compare(factor: int, base: list[float], changed: list[float]) -> Dearer:
    ratios = [after / before for before, after in zip(base, changed, strict=True)]
    others = [abs(ratio - 1) for block, ratio in enumerate(ratios) if block != DEAR]
    return Dearer(factor, ratios[DEAR], max(others))


def stack(factor: int) -> onnx.ModelProto:
    """Return the stack; the block `DEAR` does `factor` times the work of the others."""
    random = np.random.default_rng(5)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    value = "x"
    for block in range(BLOCKS):
        for step in range(factor if block == DEAR else 1):
            weight = f"blocks.{block}.fc{step}.weight"
            matrix = random.standard_normal((_WIDTH, _WIDTH)).astype(np.float32) / np.sqrt(_WIDTH, dtype=np.float32)
            weights.append(numpy_helper.from_array(matrix, weight))
            name = f"/blocks.{block}/fc{step}/MatMul"
            nodes.append(helper.make_node("MatMul", [value, weight], [f"{name}_output_0"], name=name))
            value = f"{name}_output_0"
    nodes[-1].output[0] = "y"
    graph = helper.make_graph(
        nodes,
        "stack",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [_ROWS, _WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [_ROWS, _WIDTH])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

"""The program that torch.export captured: the operations of each module, and why a module may have no ONNX node."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import torch

# Operations that return their input. They have no nodes in ONNX.
_IDENTITY_OPERATIONS = (
    "aten.alias", "aten.clone", "aten.contiguous", "aten.detach", "aten.dropout", "aten.feature_dropout",
    "aten.lift_fresh_copy", "aten._assert", "aten.sym_constrain",
)  # fmt: skip
# Operations that return their input if it already has the requested type and shape.
_POSSIBLE_IDENTITY_OPERATIONS = (
    "aten.to.",
    "aten._to_copy",
    "aten.view",
    "aten.reshape",
    "aten.expand",
    "aten.flatten",
    "aten.slice",
)


@dataclass
class Capture:
    """The operations of the exported program by module, the constant ones, and torch's processor time in seconds."""

    operations: dict[str, list[torch.fx.Node]] = field(default_factory=dict[str, list[torch.fx.Node]])
    constants: set[torch.fx.Node] = field(default_factory=set[torch.fx.Node])
    seconds: float = 0.0


@contextlib.contextmanager
def captured_program() -> Generator[Capture]:
    """Return a context in which calls of torch.export and torch.onnx.export, which both exporters use, are recorded."""
    capture = Capture()
    capture_program, write_onnx = torch.export.export, torch.onnx.export

    def export(*args: Any, **kwargs: Any) -> Any:
        program = capture_program(*args, **kwargs)
        # The operations are recorded here, because the exporter rewrites the graph afterwards.
        capture.operations.clear()
        for node in program.graph.nodes:
            if node.op == "call_function":
                capture.operations.setdefault(_owner(node), []).append(node)
        capture.constants = _constants(program)
        return program

    def timed(*args: Any, **kwargs: Any) -> Any:
        before = time.process_time()
        try:
            return write_onnx(*args, **kwargs)
        finally:
            capture.seconds += time.process_time() - before

    torch.export.export, torch.onnx.export = export, timed
    try:
        yield capture
    finally:
        torch.export.export, torch.onnx.export = capture_program, write_onnx


def reason_for_absence(capture: Capture, module: str) -> str:
    """Return the reason why a module with operations has no node in the ONNX file."""
    operations = capture.operations[module]
    working = [node for node in operations if not _is_identity(node)]
    if not working:
        return "does nothing at inference"
    if all(node in capture.constants for node in working):
        return "depends on weights and shapes alone: folded"
    signatures = {_signature(node) for other, nodes in capture.operations.items() if other != module for node in nodes}
    if all(_signature(node) in signatures or node in capture.constants for node in working):
        return "computes what another module computes: merged"
    return "fused or rewritten by the exporter's optimiser: " + ", ".join(
        sorted({str(node.target) for node in working})
    )


def _owner(node: torch.fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {"": ("", "")}
    return list(stack.values())[-1][0].partition("@")[0]


def _constants(program: torch.export.ExportedProgram) -> set[torch.fx.Node]:
    """Return the operations that do not depend on the values of inputs."""
    inputs = set(program.graph_signature.user_inputs)
    varying: set[torch.fx.Node] = set()
    for node in program.graph.nodes:
        if (node.op == "placeholder" and node.name in inputs) or any(arg in varying for arg in node.all_input_nodes):
            varying.add(node)
    return {node for node in program.graph.nodes if node.op == "call_function" and node not in varying}


def _is_identity(node: torch.fx.Node) -> bool:
    target = str(node.target)
    if target.startswith(_IDENTITY_OPERATIONS) or "getitem" in target:
        return True
    if not target.startswith(_POSSIBLE_IDENTITY_OPERATIONS) or not node.all_input_nodes:
        return False
    before, after = node.all_input_nodes[0].meta.get("val"), node.meta.get("val")
    return (
        isinstance(before, torch.Tensor)
        and isinstance(after, torch.Tensor)
        and (before.shape, before.dtype) == (after.shape, after.dtype)
    )


def _signature(node: torch.fx.Node) -> str:
    return f"{node.target} {node.args} {node.kwargs}"

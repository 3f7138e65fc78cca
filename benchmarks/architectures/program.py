"""What torch.export saw: which module owns which operation, and why one may have none left in the ONNX file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import torch

# Operations that give back what they are given; nothing of them is left in ONNX.
_NOTHING = (
    "aten.alias", "aten.clone", "aten.contiguous", "aten.detach", "aten.dropout", "aten.feature_dropout",
    "aten.lift_fresh_copy", "aten._assert", "aten.sym_constrain",
)  # fmt: skip
# Operations that give back their input where its type and shape are already the wanted ones.
_MAYBE_NOTHING = ("aten.to.", "aten._to_copy", "aten.view", "aten.reshape", "aten.expand", "aten.flatten", "aten.slice")


@dataclass
class Capture:
    """The operations of the exported program by their module's name, and the processor seconds torch took."""

    operations: dict[str, list[torch.fx.Node]] = field(default_factory=dict[str, list[torch.fx.Node]])
    constants: set[torch.fx.Node] = field(default_factory=set[torch.fx.Node])
    seconds: float = 0.0


@contextlib.contextmanager
def captured_program() -> Generator[Capture]:
    """Watch torch.export and torch.onnx.export while the context is open: both exporters call them."""
    capture = Capture()
    capture_program, write_onnx = torch.export.export, torch.onnx.export

    def export(*args: Any, **kwargs: Any) -> Any:
        program = capture_program(*args, **kwargs)
        # The exporter rewrites the graph afterwards; what is wanted is how torch saw it.
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
    """Return why a module that owned operations owns no node."""
    operations = capture.operations[module]
    working = [node for node in operations if not _does_nothing(node)]
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
    """Return the operations that no input's values flow into."""
    inputs = set(program.graph_signature.user_inputs)
    varying: set[torch.fx.Node] = set()
    for node in program.graph.nodes:
        if (node.op == "placeholder" and node.name in inputs) or any(arg in varying for arg in node.all_input_nodes):
            varying.add(node)
    return {node for node in program.graph.nodes if node.op == "call_function" and node not in varying}


def _does_nothing(node: torch.fx.Node) -> bool:
    target = str(node.target)
    if target.startswith(_NOTHING) or "getitem" in target:
        return True
    if not target.startswith(_MAYBE_NOTHING) or not node.all_input_nodes:
        return False
    before, after = node.all_input_nodes[0].meta.get("val"), node.meta.get("val")
    return (
        isinstance(before, torch.Tensor)
        and isinstance(after, torch.Tensor)
        and (before.shape, before.dtype) == (after.shape, after.dtype)
    )


def _signature(node: torch.fx.Node) -> str:
    return f"{node.target} {node.args} {node.kwargs}"

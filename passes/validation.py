"""Placeholder until the evidence readers land."""
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
import onnx_graphsurgeon as gs
from .base import Pass
from .context import Context
@dataclass(frozen=True)
class Validation(Pass):
    """Collect what the file itself says about the module of each node."""
    name: ClassVar[str] = "validation"
    def apply(self, graph: gs.Graph, context: Context) -> None: ...

"""hpass gives every node of an exported ONNX model its PyTorch module back, and changes nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Run, load, run, strip
    from .errors import HpassError, UsageError
    from .graph.external import Carry
    from .graph.model import Model
    from .graph.modules import Module, ModuleTable
    from .graph.tags import Confidence, Source, Tag
    from .passes.base import Pass, PassResult, option
    from .passes.context import Claim, Context
    from .passes.findings import Finding, Severity
    from .pipeline import Pipeline
    from .reporting.document import report
    from .tagged import validate

# `hpass --help` must import neither onnx nor torch, so every name is looked up on first use.
_HOMES = {
    "Carry": ".graph.external",
    "Claim": ".passes.context",
    "Confidence": ".graph.tags",
    "Context": ".passes.context",
    "Finding": ".passes.findings",
    "HpassError": ".errors",
    "Model": ".graph.model",
    "Module": ".graph.modules",
    "ModuleTable": ".graph.modules",
    "Pass": ".passes.base",
    "PassResult": ".passes.base",
    "Pipeline": ".pipeline",
    "Run": ".api",
    "Severity": ".passes.findings",
    "Source": ".graph.tags",
    "Tag": ".graph.tags",
    "UsageError": ".errors",
    "load": ".api",
    "option": ".passes.base",
    "report": ".reporting.document",
    "run": ".api",
    "strip": ".api",
    "validate": ".tagged",
}

__all__ = [
    "Carry",
    "Claim",
    "Confidence",
    "Context",
    "Finding",
    "HpassError",
    "Model",
    "Module",
    "ModuleTable",
    "Pass",
    "PassResult",
    "Pipeline",
    "Run",
    "Severity",
    "Source",
    "Tag",
    "UsageError",
    "load",
    "option",
    "report",
    "run",
    "strip",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

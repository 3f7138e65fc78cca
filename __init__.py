"""hpass recovers the PyTorch module of every node in an exported ONNX model. Nothing else in the file changes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Run, instances, load, run, select, strip
    from .compare_models import compare
    from .comparing.comparison import Comparison
    from .costs.cost import Cost
    from .errors import HpassError, UsageError
    from .evidence.claims import Claim
    from .extraction.extract import ExtractedModule, extract
    from .extraction.files import split
    from .graph.files.external_data import ExternalDataMode
    from .graph.model import Model
    from .identity_map import IdentityMap
    from .keep_tags import keeping
    from .model_cost import cost
    from .model_tree import tree
    from .passes.base import Pass, PassResult, option
    from .passes.context import Context
    from .passes.findings import Finding, Severity
    from .pipeline import Pipeline
    from .profile_model import profile, profile_trace
    from .profiling.formats.writers import write_profile
    from .profiling.profile import Profile
    from .reporting.json_report import report
    from .reporting.module_tree import Branch
    from .selection.node_instances import NodeInstance
    from .selection.pattern import Pattern
    from .selection.selection import Selection
    from .tags.module import Module
    from .tags.module_table import ModuleTable
    from .tags.tag_format import Confidence, Source, Tag
    from .validate_model import validate

# `hpass --help` must not import onnx or torch, so every name is imported on first use.
_LAZY_IMPORTS = {
    "Branch": ".reporting.module_tree",
    "ExternalDataMode": ".graph.files.external_data",
    "Claim": ".evidence.claims",
    "Comparison": ".comparing.comparison",
    "Cost": ".costs.cost",
    "Confidence": ".tags.tag_format",
    "Context": ".passes.context",
    "ExtractedModule": ".extraction.extract",
    "Finding": ".passes.findings",
    "HpassError": ".errors",
    "IdentityMap": ".identity_map",
    "Model": ".graph.model",
    "Module": ".tags.module_table",
    "ModuleTable": ".tags.module_table",
    "NodeInstance": ".selection.node_instances",
    "Pass": ".passes.base",
    "PassResult": ".passes.base",
    "Pattern": ".selection.pattern",
    "Pipeline": ".pipeline",
    "Profile": ".profiling.profile",
    "Run": ".api",
    "Selection": ".selection.selection",
    "Severity": ".passes.findings",
    "Source": ".tags.tag_format",
    "Tag": ".tags.tag_format",
    "UsageError": ".errors",
    "extract": ".extraction.extract",
    "instances": ".api",
    "keeping": ".keep_tags",
    "compare": ".compare_models",
    "cost": ".model_cost",
    "load": ".api",
    "option": ".passes.base",
    "profile": ".profile_model",
    "profile_trace": ".profile_model",
    "report": ".reporting.json_report",
    "run": ".api",
    "select": ".api",
    "split": ".extraction.files",
    "strip": ".api",
    "tree": ".model_tree",
    "validate": ".validate_model",
    "write_profile": ".profiling.formats.writers",
}

__all__ = [
    "Branch",
    "Claim",
    "Comparison",
    "Confidence",
    "Context",
    "Cost",
    "ExternalDataMode",
    "ExtractedModule",
    "Finding",
    "HpassError",
    "IdentityMap",
    "Model",
    "Module",
    "ModuleTable",
    "NodeInstance",
    "Pass",
    "PassResult",
    "Pattern",
    "Pipeline",
    "Profile",
    "Run",
    "Selection",
    "Severity",
    "Source",
    "Tag",
    "UsageError",
    "compare",
    "cost",
    "extract",
    "instances",
    "keeping",
    "load",
    "option",
    "profile",
    "profile_trace",
    "report",
    "run",
    "select",
    "split",
    "strip",
    "tree",
    "validate",
    "write_profile",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY_IMPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY_IMPORTS[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

"""Export PyTorch models to ONNX with scope names and a module table. The exporter does not use passes."""

import importlib.util

from ..errors import HpassError

_MISSING = [name for name in ("torch", "onnxscript", "transformers") if importlib.util.find_spec(name) is None]
if _MISSING:
    raise HpassError(f"to build models, hpass needs {', '.join(_MISSING)}; run: pip install 'hpass[export]'")

# ruff: noqa: E402 (the check for missing packages comes before the imports of these packages)
from .export import Exported, export
from .export_options import ENGINES, Options
from .meta_table import module_table
from .recorded_values import RecordedCall, Recording, record_values
from .reference_export import reference_export
from .sample_inputs.spec import InputSpec, format_input, parse_input

__all__ = [
    "ENGINES",
    "Exported",
    "InputSpec",
    "Options",
    "RecordedCall",
    "Recording",
    "export",
    "format_input",
    "module_table",
    "parse_input",
    "record_values",
    "reference_export",
]

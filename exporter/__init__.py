"""The thin exporter: a model in, ONNX with scope names and a module table out. It knows nothing of passes."""

import importlib.util

from ..errors import HpassError

_MISSING = [name for name in ("torch", "onnxscript", "transformers") if importlib.util.find_spec(name) is None]
if _MISSING:
    raise HpassError(f"building models needs {', '.join(_MISSING)}; install them with: pip install 'hpass[export]'")

# ruff: noqa: E402 (the message about missing packages comes before the imports that need them)
from .export import Exported, export
from .export_options import ENGINES, Options
from .meta_table import module_table
from .sample_inputs.spec import InputSpec, parse_input, spelled

__all__ = ["ENGINES", "Exported", "InputSpec", "Options", "export", "module_table", "parse_input", "spelled"]

"""The passes; `STANDARD_PASSES` is the order of `--passes all`."""

from __future__ import annotations

from .aux_inheritance import AuxInheritance
from .base import Pass
from .fallback import Fallback
from .module_mapping import ModuleMapping
from .scope_parse import ScopeParse
from .validation import Validation

STANDARD_PASSES: tuple[type[Pass], ...] = (ScopeParse, ModuleMapping, AuxInheritance, Fallback, Validation)

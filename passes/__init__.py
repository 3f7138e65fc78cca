"""The passes; `STANDARD_PASSES` is the order of `--passes all`, and the others run only if they are named."""

from __future__ import annotations

from .annotate import Annotate
from .aux_inheritance import AuxInheritance
from .base import Pass
from .call_number import CallNumber
from .fallback import Fallback
from .inline import Inline
from .module_mapping import ModuleMapping
from .outline import Outline
from .rename import Rename
from .scope_parse import ScopeParse
from .validation import Validation

STANDARD_PASSES: tuple[type[Pass], ...] = (ScopeParse, ModuleMapping, AuxInheritance, Fallback, CallNumber, Validation)

REWRITING_PASSES: tuple[type[Pass], ...] = (Rename, Annotate, Outline, Inline)

"""The module stack that torch's exporter writes into a node's metadata.

Format: torch/onnx/_internal/exporter/_core.py. `pkg.torch.onnx.name_scopes` is the repr of a list: the names of the
modules that were open, the root's being empty, then the fx node's own name; `pkg.torch.onnx.class_hierarchy` lies
beside it, class for name. `namespace` holds the same two lists in one text, `name: class/name: class/node: target`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .literals import strings

NAME_SCOPES = "pkg.torch.onnx.name_scopes"
CLASS_HIERARCHY = "pkg.torch.onnx.class_hierarchy"
NAMESPACE = "namespace"

# torch.export's stand-in where it lost the stack (torch/fx/experimental/proxy_tensor.py).
_NO_MODULE = "_empty_nn_module_stack_from_metadata_hook"
# The second and later calls of a module; the name before it is the module's.
_CALL = re.compile(r"@\d+(?=\.|$)")
# Dynamo's name of the root in strict mode.
_ROOT = re.compile(r"^(?:L\['self'\]|L__self__)\.?")
_NAMESPACE_ENTRY = re.compile(r"(?:^|/)([^/:]*): ([^/]*)")


class ModuleStack(NamedTuple):
    """The modules open when a node ran, outermost first: names, and a class (or None) for each."""

    scopes: tuple[str, ...]
    classes: tuple[str | None, ...]
    text: str

    @property
    def scope(self) -> str:
        """The innermost module."""
        return self.scopes[-1]


def read_module_stack(metadata: Mapping[str, str]) -> ModuleStack | None:
    """Return the stack that a node's metadata holds; None where it names no module."""
    text = metadata.get(NAME_SCOPES)
    if text is not None:
        names = strings(text)
        classes: Sequence[str | None] = strings(metadata.get(CLASS_HIERARCHY, ""))
    else:
        text = metadata.get(NAMESPACE)
        if text is None:
            return None
        entries = _NAMESPACE_ENTRY.findall(text)
        names, classes = [name for name, _ in entries], [kind for _, kind in entries]
    if len(classes) != len(names):
        classes = [None] * len(names)
    open_modules = [
        (_module_name(name), kind) for name, kind in zip(names[:-1], classes[:-1], strict=True) if name != _NO_MODULE
    ]
    if not open_modules:
        return None
    scopes, kinds = zip(*open_modules, strict=True)
    return ModuleStack(scopes, kinds, text)


def _module_name(name: str) -> str:
    if "@" in name:
        name = _CALL.sub("", name)
    return _ROOT.sub("", name) if name.startswith("L") else name

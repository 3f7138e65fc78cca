"""The module stack and the class path that exporters write into a node's metadata.

torch.onnx (torch/onnx/_internal/exporter/_core.py) writes the names of the open modules and the fx node's own name
under `pkg.torch.onnx.name_scopes`, as the repr of a list that starts with the root (the empty name). A list of the same
length under `pkg.torch.onnx.class_hierarchy` has the classes. `namespace` contains both lists as
`name: class/name: class/node: target`.

microsoft/winml-cli writes a class path, such as `/BertModel/BertEncoder/BertLayer.0`, with one class per open module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..tags.scope import is_scope

NAME_SCOPES = "pkg.torch.onnx.name_scopes"
CLASS_HIERARCHY = "pkg.torch.onnx.class_hierarchy"
NAMESPACE = "namespace"
CLASS_PATH = "winml.hierarchy.tag"

# torch.export's placeholder for a lost module stack (torch/fx/experimental/proxy_tensor.py).
_NO_MODULE = "_empty_nn_module_stack_from_metadata_hook"
# The suffix of the second and later calls of a module. A key of a ModuleDict may end in the same characters.
_REPEATED_CALL = re.compile(r"@\d+(?=\.|$)")
# Dynamo's name of the root in strict mode.
_DYNAMO_ROOT = re.compile(r"^(?:L\['self'\]|L__self__)\.?")
_NAMESPACE_ENTRY = re.compile(r"(?:^|/)([^/:]*): ([^/]*)")


class ModuleStack(NamedTuple):
    """The modules that were open when a node ran, outermost first: their names and their classes (None if unknown).

    `text` is the metadata value that the stack was read from.
    """

    scopes: tuple[str, ...]
    classes: tuple[str | None, ...]
    text: str

    @property
    def scope(self) -> str:
        """The innermost module."""
        return self.scopes[-1]


def read_module_stack(
    metadata: Mapping[str, str], is_module: Callable[[str], bool] = lambda _: False
) -> ModuleStack | None:
    """Return the module stack in a node's metadata; None if the metadata names no module.

    `is_module` tells whether a module of this very name exists: then `x@1` is that module, not a second call of `x`.
    """
    text = metadata.get(NAME_SCOPES)
    if text is not None:
        names = read_string_list(text)
        classes: Sequence[str | None] = read_string_list(metadata.get(CLASS_HIERARCHY, ""))
    else:
        text = metadata.get(NAMESPACE)
        if text is None:
            return None
        entries = _NAMESPACE_ENTRY.findall(text)
        names, classes = [name for name, _ in entries], [class_name for _, class_name in entries]
    if len(classes) != len(names):
        classes = [None] * len(names)
    open_modules = [
        (_module_name(name, is_module), class_name)
        for name, class_name in zip(names[:-1], classes[:-1], strict=True)
        if name != _NO_MODULE
    ]
    if not open_modules or not all(is_scope(name) for name, _ in open_modules):
        return None
    scopes, stack_classes = zip(*open_modules, strict=True)
    return ModuleStack(scopes, stack_classes, text)


def read_class_path(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the segments of the class path in a node's metadata, the root's first; None if there is no class path."""
    path = metadata.get(CLASS_PATH)
    if path is None or not path.startswith("/"):
        return None
    return tuple(path[1:].split("/")) if len(path) > 1 else ()


def class_names(path: tuple[str, ...]) -> list[str]:
    """Return the class of each segment of a class path, without the number that distinguishes modules of one class."""
    return [segment.partition(".")[0] for segment in path]


def read_string_list(text: str) -> list[str]:
    """Read the repr of a list of strings, the form in which exporters store lists; empty if the text is not one."""
    if text.startswith("['") and text.endswith("']") and '"' not in text and "\\" not in text:
        return text[2:-2].split("', '")
    try:
        value: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def _module_name(name: str, is_module: Callable[[str], bool]) -> str:
    if "@" in name and not is_module(name):
        name = _REPEATED_CALL.sub("", name)
    return _DYNAMO_ROOT.sub("", name) if name.startswith("L") else name

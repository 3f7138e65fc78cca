"""Names of nodes and values that contain a module path.

TorchScript (torch 1.13 and later, torch/csrc/jit/passes/onnx/naming.cpp) names a node `/label/label/Op_3` and its
values `/label/label/Op_3_output_0`; torchscript_labels.py resolves labels to modules. TensorFlow's converters, Keras
and jax2tf name nodes `model/layer/Op` and values `model/layer/Op:0`. Paddle names values `layer_0.tmp_3`. The names of
torch.export hold no path, but an operator (`node_silu_1`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from ..tags.module_table import ModuleTable
from ..tags.scope import is_scope, parent, relative
from .tool_affixes import ADDED_ATOMS, without_affixes

# TensorFlow prefixes the names in a function with the operator that calls the function, which is not a layer.
_FUNCTION_CALL = re.compile(r"^(?:Stateful)?PartitionedCall(?:_\d+)?$")
_NOT_IN_NAME = re.compile(r"[%/\s]")
_PADDLE = re.compile(r"^(?P<layer>\w+)\.tmp_\d+$")
# torch.export names a node after an operator of ATen (`node_silu_1`); with a capital letter it is one of ONNX.
_ATEN = re.compile(r"^node_([a-z][a-z0-9_]*?)(?:_\d+)?$")
_ATOM = re.compile(r"^[^\s/]+$")
# The common case, without tool affixes: `/label/label/Op_3` and `/label/label/Op_3_output_0`.
_TORCHSCRIPT = re.compile(rf"/((?:[^\s/]+/)*)(?!{ADDED_ATOMS})[A-Z][A-Za-z]*(?:_\d+)?(?:_output_\d+)?")


@dataclass(frozen=True, slots=True)
class LabelPath:
    """TorchScript's labels of the open modules, outermost first; empty at the root."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModulePath:
    """The names of the open layers, outermost first, as other frameworks write them."""

    layers: tuple[str, ...]


def encoded_label(label: str) -> str:
    """Return a label with slashes, white space and percent signs percent-encoded, so that a name can hold it."""
    return _NOT_IN_NAME.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), label)


def label_path(modules: ModuleTable, scope: str) -> str:
    """Return the path of a module with one segment for each called module, as TorchScript writes it: `/a/b/`."""
    segments: list[str] = []
    while scope:
        around = modules.nearest_called(parent(scope))
        segments.append(encoded_label(relative(scope, around)))
        scope = around
    return "".join(f"/{segment}" for segment in reversed(segments)) + "/"


def decoded_label(label: str) -> str:
    """Return a label that `encoded_label` encoded. Other percent signs stay."""
    if "%" not in label:
        return label
    decoded = unquote(label, errors="replace")
    return decoded if encoded_label(decoded) == label else label


@lru_cache(maxsize=65536)
def _label_path(path: str) -> LabelPath | None:
    """Return the labels of a path that ends with a slash. Cached, because all nodes of a module share their path."""
    labels = tuple(map(decoded_label, path.split("/")[:-1]))
    return LabelPath(labels) if is_scope(".".join(labels)) else None


def is_torchscript_name(name: str) -> bool:
    """Whether a name has exactly the form that TorchScript gives nodes and values: `/label/label/Op_3`."""
    return _TORCHSCRIPT.fullmatch(name) is not None


def aten_operator(name: str) -> str | None:
    """Return the operator of ATen that torch.export named a node after: `silu` for `node_silu_1`; None if none."""
    found = _ATEN.match(name)
    return None if found is None else found[1]


def read_name(name: str) -> LabelPath | ModulePath | None:
    """Return the path in the name of a node or value; None if the name contains no path."""
    if "/" not in name:
        paddle = _PADDLE.match(name)
        return ModulePath((paddle["layer"],)) if paddle else None
    plain = _TORCHSCRIPT.fullmatch(name)
    if plain is not None:
        return _label_path(plain[1])
    name = without_affixes(name)
    # A float16 converter adds a prefix to the whole name: `prefix_/a/b/Op`.
    start = name.find("_/")
    if start > 0 and "/" not in name[:start]:
        name = name[start + 1 :]
    *path, last = name.split("/")
    if not path or not all(_ATOM.match(atom) for atom in (*path[1:], last)):
        return None
    if not path[0]:
        return _label_path("/".join((*path[1:], "")))
    while path and _FUNCTION_CALL.match(path[0]):
        del path[0]
    return ModulePath(tuple(path)) if path and _ATOM.match(path[0]) and is_scope(".".join(path)) else None

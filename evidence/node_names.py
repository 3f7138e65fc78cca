"""Names of nodes and values that hold a path of modules.

TorchScript (torch 1.13 and later, torch/csrc/jit/passes/onnx/naming.cpp) names a node `/label/label/Op_3` and its
values `/label/label/Op_3_output_0`; a label is not yet a module's name (labels.py). TensorFlow's converters, Keras and
jax2tf name both `model/layer/Op`, values with `:0` behind; Paddle's values are `layer_0.tmp_3`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .tool_affixes import ADDED_ATOMS, without_affixes

# TensorFlow's operators that call a function stand in front of every name in it; they are no layer.
_FUNCTION_CALL = re.compile(r"^(?:Stateful)?PartitionedCall(?:_\d+)?$")
_PADDLE = re.compile(r"^(?P<layer>\w+)\.tmp_\d+$")
_ATOM = re.compile(r"^[^\s/]+$")
# The common case, with no affix of any tool: `/label/label/Op_3` and `/label/label/Op_3_output_0`.
_TORCHSCRIPT = re.compile(rf"/((?:[^\s/]+/)*)(?!{ADDED_ATOMS})[A-Z][A-Za-z]*(?:_\d+)?(?:_output_\d+)?")


@dataclass(frozen=True, slots=True)
class LabelPath:
    """TorchScript's labels of the modules that were open, outermost first; empty at the root."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModulePath:
    """The names of the layers that a node lies in, outermost first, as other frameworks write them."""

    layers: tuple[str, ...]


@lru_cache(maxsize=65536)
def _label_path(path: str) -> LabelPath:
    """Return the labels before each slash of a path; the nodes of a module share one path."""
    return LabelPath(tuple(path.split("/")[:-1]))


def read_name(name: str) -> LabelPath | ModulePath | None:
    """Return the path that a node's or a value's name holds; None where it holds none."""
    if "/" not in name:
        paddle = _PADDLE.match(name)
        return ModulePath((paddle["layer"],)) if paddle else None
    plain = _TORCHSCRIPT.fullmatch(name)
    if plain is not None:
        return _label_path(plain[1])
    name = without_affixes(name)
    # A float16 converter puts a word before the whole name: `word_/a/b/Op`.
    start = name.find("_/")
    if start > 0 and "/" not in name[:start]:
        name = name[start + 1 :]
    atoms = name.split("/")
    if not all(_ATOM.match(atom) for atom in atoms[1:]):
        return None
    if not atoms[0]:
        return LabelPath(tuple(atoms[1:-1]))
    while len(atoms) > 1 and _FUNCTION_CALL.match(atoms[0]):
        del atoms[0]
    return ModulePath(tuple(atoms[:-1])) if len(atoms) > 1 and _ATOM.match(atoms[0]) else None

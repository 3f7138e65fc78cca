"""graphsurgeon's nodes and values, made without their constructors, which take most of the time of an import.

The constructors set each attribute through a check that keeps linked lists in step; where an object is new there is
nothing to keep in step. What a constructor sets beyond the attributes named here comes from an object that it made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx_graphsurgeon as gs
from onnx_graphsurgeon.util.misc import SynchronizedList

_NODE = dict(vars(gs.Node("")))
_VARIABLE = dict(vars(gs.Variable("")))


def make_node(op: str, name: str, inputs: Sequence[gs.Tensor], outputs: Sequence[gs.Tensor], domain: str) -> gs.Node:
    """Return `gs.Node(op, name, {}, inputs, outputs, domain)`; an empty domain is none."""
    node = gs.Node.__new__(gs.Node)
    attributes = vars(node)
    attributes.update(_NODE)
    attributes["op"] = op
    attributes["name"] = name
    attributes["attrs"] = {}
    attributes["inputs"] = _linked(node, "outputs", inputs)
    attributes["outputs"] = _linked(node, "inputs", outputs)
    attributes["domain"] = domain or None
    return node


def make_variable(name: str) -> gs.Variable:
    """Return `gs.Variable(name)`."""
    variable = gs.Variable.__new__(gs.Variable)
    attributes = vars(variable)
    attributes.update(_VARIABLE)
    attributes["name"] = name
    attributes["inputs"] = _linked(variable, "outputs", ())
    attributes["outputs"] = _linked(variable, "inputs", ())
    return variable


def _linked(parent: Any, field: str, elements: Sequence[Any]) -> Any:
    """Return `SynchronizedList(parent, field, elements)`: a list whose elements know their parent."""
    made = SynchronizedList.__new__(SynchronizedList)
    made.parent_obj = parent
    made.field_name = field
    if elements:
        list.extend(made, elements)
        for element in elements:
            list.append(vars(element)[field], parent)
    return made

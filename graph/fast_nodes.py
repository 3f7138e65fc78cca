"""Create graphsurgeon nodes and variables without their constructors, which take most of the time of an import.

The constructors set each attribute through a property that synchronises linked lists. A new object has no links to
synchronise. All attributes that are not set here are copied from an object that the constructor made.
"""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.ir.tensor import LazyValues, SparseValues
from onnx_graphsurgeon.util.misc import SynchronizedList

_NODE_DEFAULTS = dict(vars(gs.Node("")))
_VARIABLE_DEFAULTS = dict(vars(gs.Variable("")))
_CONSTANT_DEFAULTS = dict(vars(gs.Constant("", np.zeros(0))))


def make_node(
    op: str, name: str, inputs: Sequence[gs.Tensor], outputs: Sequence[gs.Tensor], domain: str | None
) -> gs.Node:
    """Return `gs.Node(op, name, {}, inputs, outputs, domain)`."""
    node = gs.Node.__new__(gs.Node)
    attributes = vars(node)
    attributes.update(_NODE_DEFAULTS)
    attributes["op"] = op
    attributes["name"] = name
    attributes["attrs"] = {}
    attributes["inputs"] = _synchronized_list(node, "outputs", inputs)
    attributes["outputs"] = _synchronized_list(node, "inputs", outputs)
    attributes["domain"] = domain
    return node


def make_variable(name: str) -> gs.Variable:
    """Return `gs.Variable(name)`."""
    variable = gs.Variable.__new__(gs.Variable)
    attributes = vars(variable)
    attributes.update(_VARIABLE_DEFAULTS)
    attributes["name"] = name
    attributes["inputs"] = _synchronized_list(variable, "outputs", ())
    attributes["outputs"] = _synchronized_list(variable, "inputs", ())
    return variable


def make_constant(name: str, values: LazyValues | SparseValues, data_location: int | None) -> gs.Constant:
    """Return `gs.Constant(name, values, data_location)`."""
    constant = gs.Constant.__new__(gs.Constant)
    attributes = vars(constant)
    attributes.update(_CONSTANT_DEFAULTS)
    attributes["name"] = name
    attributes["inputs"] = _synchronized_list(constant, "outputs", ())
    attributes["outputs"] = _synchronized_list(constant, "inputs", ())
    attributes["_values"] = values
    attributes["data_location"] = data_location
    return constant


class _SlottedList(SynchronizedList):
    """A synchronised list without a dictionary, which would take most of the memory of a graph."""

    __slots__ = ("field_name", "parent_obj")


def _synchronized_list(parent: Any, field: str, elements: Sequence[Any]) -> Any:
    """Return `SynchronizedList(parent, field, elements)`: a list whose elements refer to their parent."""
    elements_list = _SlottedList.__new__(_SlottedList)
    elements_list.parent_obj = parent
    elements_list.field_name = field
    if elements:
        list.extend(elements_list, elements)
        for element in elements:
            list.append(vars(element)[field], parent)
    return elements_list

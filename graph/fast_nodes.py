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

# The functions below set these attributes themselves.
_OWN = {"op", "name", "attrs", "domain", "inputs", "outputs", "_values", "data_location"}


def _defaults(made: gs.Node | gs.Tensor) -> list[tuple[str, Any]]:
    return [(attribute, value) for attribute, value in vars(made).items() if attribute not in _OWN]


_NODE_DEFAULTS = _defaults(gs.Node(""))
_VARIABLE_DEFAULTS = _defaults(gs.Variable(""))
_CONSTANT_DEFAULTS = _defaults(gs.Constant("", np.zeros(0)))
# Without the properties. An object whose attributes are set one by one shares their names with other objects. If it got
# them from a dictionary, or if `vars` were called for it, it would have a dictionary of its own: 270 bytes.
_set = object.__setattr__


def make_node(
    op: str, name: str, inputs: Sequence[gs.Tensor], outputs: Sequence[gs.Tensor], domain: str | None
) -> gs.Node:
    """Return `gs.Node(op, name, {}, inputs, outputs, domain)`."""
    node = gs.Node.__new__(gs.Node)
    for attribute, value in _NODE_DEFAULTS:
        _set(node, attribute, value)
    _set(node, "op", op)
    _set(node, "name", name)
    _set(node, "attrs", {})
    _set(node, "domain", domain)
    _set(node, "inputs", _synchronized_list(node, "outputs", inputs))
    _set(node, "outputs", _synchronized_list(node, "inputs", outputs))
    return node


def make_variable(name: str) -> gs.Variable:
    """Return `gs.Variable(name)`."""
    variable = gs.Variable.__new__(gs.Variable)
    for attribute, value in _VARIABLE_DEFAULTS:
        _set(variable, attribute, value)
    _set(variable, "name", name)
    _set(variable, "inputs", _synchronized_list(variable, "outputs", ()))
    _set(variable, "outputs", _synchronized_list(variable, "inputs", ()))
    return variable


def make_constant(name: str, values: LazyValues | SparseValues, data_location: int | None) -> gs.Constant:
    """Return `gs.Constant(name, values, data_location)`."""
    constant = gs.Constant.__new__(gs.Constant)
    for attribute, value in _CONSTANT_DEFAULTS:
        _set(constant, attribute, value)
    _set(constant, "name", name)
    _set(constant, "inputs", _synchronized_list(constant, "outputs", ()))
    _set(constant, "outputs", _synchronized_list(constant, "inputs", ()))
    _set(constant, "_values", values)
    _set(constant, "data_location", data_location)
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
            list.append(getattr(element, field), parent)
    return elements_list

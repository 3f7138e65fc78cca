"""Whether the file lacks parameters of a module table: an exporter stores equal parameters once, under one name."""

from __future__ import annotations

from itertools import pairwise

from ..evidence.parameter_uses import ParameterUses
from ..tags.module_table import ModuleTable
from .call_order import order_of_calls


def lacks_parameters(table: ModuleTable, uses: ParameterUses) -> bool:
    """Whether a module of the table has a parameter whose name the file lacks, so that another name may stand for it.

    Modules that may have been folded into the one before them do not count, as normalisations are into convolutions:
    leaves without any parameter in the file, of a class none of whose modules has one. Neither do parameters of the
    root and those with a number for a name, whose names have no form that tells them from those of other values.
    """
    owners = {*uses.owners()}
    kept_classes = {table[owner].class_name for owner in owners if owner in table}
    folded = {
        following.scope
        for call, following in pairwise(order_of_calls(table, owners))
        if call.scope in owners and following.is_leaf and table[following.scope].class_name not in kept_classes
    }
    return any(
        not uses.is_named(scope, parameter)
        for scope in table
        if scope and scope not in folded
        for parameter in table[scope].parameters
        if not parameter[:1].isnumeric()
    )

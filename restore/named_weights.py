"""The names of the weights that a node reads."""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ..evidence.parameter_names import parameter_owner
from ..graph.model import Model


def owners_of_weights(node: gs.Node) -> set[str]:
    """Return the modules whose parameters a node reads, by the names of its constants."""
    owners = (parameter_owner(tensor.name) for tensor in node.inputs if isinstance(tensor, gs.Constant))
    return {owner for owner in owners if owner is not None}


def weight_owners(model: Model) -> set[str]:
    """Return the modules whose parameters a model has, by their names."""
    owners = (parameter_owner(name) for region in model.regions() for name, _ in model.initializers(region.graph))
    return {owner for owner in owners if owner is not None}

"""The regions that two models have in common, matched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx_graphsurgeon as gs

from ..graph.model import Model
from ..graph.regions import subgraphs
from .fused_nodes import FusedNodes
from .match_by_name import match_node_names, match_values
from .match_by_neighbours import match_neighbours
from .region_index import RegionIndex
from .region_match import RegionMatch
from .weight_matching import match_weights
from .weight_storage import model_weights


def renamed_weights(old: Model, new: Model) -> dict[str, str]:
    """Return the old name of each weight of the new model that has another name or shape in the old one."""
    theirs = {weight.name: weight for weight in model_weights(old)}
    lost = [
        weight
        for weight in model_weights(new)
        if weight.name not in theirs or theirs[weight.name].shape != weight.shape
    ]
    return match_weights(theirs.values(), lost)


def matched_regions(old: Model, new: Model, weights: Mapping[str, str]) -> Iterator[RegionMatch]:
    """Yield the matched main graphs, function bodies of the same name, and subgraphs of nodes that match.

    `weights` are the renamed ones that are the same: new name -> old name.
    """
    pending = list(_roots(old, new))
    while pending:
        theirs, ours = pending.pop()
        match = _match_region(RegionIndex(theirs), RegionIndex(ours), weights)
        yield match
        for index, twin in match.nodes.items():
            held = dict(subgraphs(match.reference.nodes[twin]))
            pending.extend((held[name], graph) for name, graph in subgraphs(match.target.nodes[index]) if name in held)


def _match_region(old: RegionIndex, new: RegionIndex, weights: Mapping[str, str]) -> RegionMatch:
    match = RegionMatch(old, new)
    match_values(match, weights)
    # What stands between values that kept their names is known by them; the rest may be found in other ways.
    settled = FusedNodes(match).reliably_replaced()
    match_node_names(match, settled)
    match_neighbours(match, settled)
    return match


def _roots(old: Model, new: Model) -> Iterator[tuple[gs.Graph, gs.Graph]]:
    yield old.graph, new.graph
    bodies = {old.function_key(region.graph): region.graph for region in old.regions() if region.is_function}
    for graph in (region.graph for region in new.regions() if region.is_function):
        key = new.function_key(graph)
        if key in bodies:
            yield bodies[key], graph

"""Matching of two models: their weights, then their regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import onnx_graphsurgeon as gs

from ..graph.model import Model
from ..graph.regions import subgraphs
from .fused_nodes import FusedNodes
from .match_by_name import match_node_names, match_values, share_names
from .match_by_neighbours import match_neighbours
from .match_by_structure import StructureMatch, match_structure
from .region_index import RegionIndex
from .region_match import RegionMatch
from .weight_matching import match_weights
from .weight_storage import model_weights


def renamed_weights(reference: Model, target: Model) -> dict[str, str]:
    """Return the reference's name of each weight of the target that has another name or shape there."""
    by_name = {weight.name: weight for weight in model_weights(reference)}
    unmatched = [
        weight
        for weight in model_weights(target)
        if weight.name not in by_name or by_name[weight.name].shape != weight.shape
    ]
    return match_weights(by_name.values(), unmatched)


def matched_regions(reference: Model, target: Model, weights: Mapping[str, str]) -> Iterator[RegionMatch]:
    """Yield the matches of the main graphs, of function bodies of the same name, and of subgraphs of matched nodes.

    `weights` are the renamed weights: the reference's name for each name in the target.
    """
    pending = list(_roots(reference, target))
    while pending:
        reference_graph, graph = pending.pop()
        match = _match_region(RegionIndex(reference_graph), RegionIndex(graph), weights)
        yield match
        for node, reference_node in match.nodes.items():
            held = dict(subgraphs(match.reference.nodes[reference_node]))
            pending.extend((held[name], inner) for name, inner in subgraphs(match.target.nodes[node]) if name in held)


def models_share_names(reference: Model, target: Model) -> bool:
    """Whether enough nodes or values of the main graphs have the same names."""
    return share_names(RegionIndex(reference.graph), RegionIndex(target.graph))


def aligned_regions(
    reference: Model, target: Model, weights: Mapping[str, str], module_of: Callable[[gs.Node], str]
) -> Iterator[StructureMatch]:
    """Yield the matches, by structure, of the regions that `matched_regions` matches by names."""
    pending = list(_roots(reference, target))
    while pending:
        reference_graph, graph = pending.pop()
        index = RegionIndex(reference_graph)
        match = match_structure(index, RegionIndex(graph), weights, [*map(module_of, index.nodes)])
        yield match
        for node, counterpart in match.nodes.items():
            held = dict(subgraphs(index.nodes[counterpart.nodes[0]]))
            pending.extend((held[name], inner) for name, inner in subgraphs(match.target.nodes[node]) if name in held)


def _match_region(reference: RegionIndex, target: RegionIndex, weights: Mapping[str, str]) -> RegionMatch:
    match = RegionMatch(reference, target)
    match_values(match, weights)
    # New nodes between values that kept their names are known by those; only the others are matched in other ways.
    replaced = FusedNodes(match).reliably_replaced()
    match_node_names(match, replaced)
    match_neighbours(match, replaced)
    return match


def _roots(reference: Model, target: Model) -> Iterator[tuple[gs.Graph, gs.Graph]]:
    yield reference.graph, target.graph
    bodies = {
        reference.function_key(region.graph): region.graph for region in reference.regions() if region.is_function
    }
    for graph in (region.graph for region in target.regions() if region.is_function):
        key = target.function_key(graph)
        if key in bodies:
            yield bodies[key], graph

"""Modules for the nodes that nothing names: those that dataflow, order and repetition point to."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

import numpy as np
import onnx_graphsurgeon as gs

from ..analysis.call_sites import regions_with_scope
from ..analysis.inserted_nodes import inserted_nodes
from ..analysis.parameter_folding import Folding, folded_convolutions
from ..analysis.served_module import served_modules
from ..graph.regions import Region, subgraphs
from ..identity_map import IdentityMap
from ..inference import predict
from ..inference.arrays import UNKNOWN, Ids, as_ints
from ..inference.doubtful_neighbours import rests_on_doubt
from ..inference.module_index import ModuleIndexes
from ..inference.problem import build_problem, has_anchors
from ..inference.rivals import has_rival
from ..inference.scope_tree import ScopeTree
from ..inference.scoring_model import load_model
from ..inference.table_fit import fits_table
from ..inference.unnamed_modules import may_be_unnamed
from ..tags.module_table import ModuleTable
from ..tags.scope import lca, parent
from ..tags.tag_format import Confidence, Source, Tag
from .context import Context
from .function_bodies import add_modules_of_bodies
from .scope_claims.stored_tags import has_stored_tag


def inherit_modules(context: Context) -> None:
    """Place what has no tag in every region that has a tag to inherit from."""
    _place_holders(context)
    scopes = [None if tag is None else tag.scope for tag in context.tags.tags_of(context.graph.nodes)]
    indexes = ModuleIndexes(context.table, context.evidence.parameter_owners(), context.graph.nodes, scopes)
    declared = context.table.declared
    folding = None if declared is None else Folding.of(declared, context.evidence.parameter_owners())
    for region, around in regions_with_scope(context.regions(), context.model, context.tags, context.table.modules):
        _place(region, around, indexes, context)
        if folding is not None:
            _place_folded(region, folding, context)
        _place_inserted(region, context)
    add_modules_of_bodies(context)


def serve_modules(context: Context) -> None:
    """Name the module that an auxiliary operation at the root works for."""
    for node, scope in served_modules(context.graph, context.tags, context.table.modules):
        tag = context.tags.get(node)
        if tag is not None and tag.serves is None:
            reason = f"{context.tags.reason(node)}; it works for '{scope}'"
            context.set_tag(node, tag._replace(serves=scope), reason)


def _place_holders(context: Context) -> None:
    """Tag nodes that hold subgraphs by the modules that run in these; inner nodes come first."""
    modules = context.table.modules
    callers = {modules.nearest_called(parent(scope)) for scope in modules if scope}
    scopes: IdentityMap[gs.Node, list[str]] = IdentityMap()
    for region in reversed(context.regions()):
        if region.holder is None:
            continue
        inside = [tag.scope for tag in context.tags.tags_of(region.graph.nodes) if tag is not None]
        if inside:
            scopes[region.holder] = [*(scopes.get(region.holder) or ()), *inside]
            # The first subgraph comes last, and then all are known.
            if context.tags.get(region.holder) is None and next(subgraphs(region.holder))[1] is region.graph:
                scope = _caller(scopes[region.holder], callers, modules)
                reason = f"its subgraphs run in {_called(scope)}"
                context.set_tag(region.holder, Tag(scope, Source.INHERITED, Confidence.MEDIUM), reason)


def _caller(scopes: list[str], callers: Container[str], modules: ModuleTable) -> str:
    """Return the module that holds all modules, or the one that calls it if it calls none itself."""
    scope = modules.nearest_called(lca(scopes))
    return scope if scope in callers else modules.nearest_called(parent(scope))


def _place(region: Region, around: str, indexes: ModuleIndexes, context: Context) -> None:
    if region.function is not None:
        _inherit_calls((node for node in region.graph.nodes if context.is_outlined(node)), around, context)
    nodes = region.graph.nodes
    tags = list(context.tags.tags_of(nodes))
    if None not in tags:
        return
    if not has_anchors(region, tags, context.table):
        if region.is_function:
            _inherit_calls(region.graph.nodes, around, context)
        return
    problem = build_problem(region, around, tags, indexes)
    model = load_model(problem.share_named, has_table=indexes.has_table)
    if indexes.has_table and any(tags):
        problem = replace(problem, without_table=_without_table(region, around, tags, indexes, problem.tree))
    explained = [
        index
        for index, position in enumerate(problem.file_position.tolist())
        if tags[position] is None and nodes[position] in context.attributions
    ]
    prediction, attributions = predict.explain(problem, model, explained)
    for position, attribution in zip(problem.file_position[explained].tolist(), attributions, strict=True):
        context.attributions[nodes[position]] = attribution
    names = problem.tree.names
    predicted = [nodes[position] for position in as_ints(problem.file_position[prediction.node])]
    is_known = any(tags) or fits_table(predicted, prediction.scope, problem.tree)
    in_distribution = predict.in_distribution(problem, model.statistics)[prediction.node]
    statistics = model.statistics.class_statistics
    may_be_wrong = (
        has_rival(problem, prediction, statistics)
        | may_be_unnamed(problem, prediction, statistics)
        | rests_on_doubt(problem, prediction)
    )
    for node, scope, probability, other, this_may_be_high in zip(
        predicted,
        as_ints(prediction.scope),
        prediction.probability.tolist(),
        as_ints(prediction.runner_up),
        (in_distribution & ~may_be_wrong).tolist(),
        strict=True,
    ):
        confidence = model.confidence(probability, may_be_high=this_may_be_high) if is_known else Confidence.LOW
        if context.reference_differs or node in context.beyond_reference:
            confidence = _at_most_medium(confidence)
        rival = "" if other == UNKNOWN else f" rather than {_called(names[other])}"
        context.set_tag(
            node,
            Tag(names[scope], Source.INHERITED, confidence),
            f"its surroundings point to {_called(names[scope])}{rival} ({probability:.0%})",
        )


def _place_folded(region: Region, folding: Folding, context: Context) -> None:
    """Give convolutions the modules of the normalisations that were folded into them, as a module table tells."""
    for node, tag in folded_convolutions(region.graph, context.tags, folding):
        context.set_tag(node, tag, f"the exporter folded {_called(tag.scope)} into it")


def _place_inserted(region: Region, context: Context) -> None:
    """Give the nodes that tools inserted the modules of those that they work for, unless an earlier run has."""
    for node, tag, reason in inserted_nodes(region.graph, context.tags, context.table.modules):
        if not (context.is_outlined(node) or has_stored_tag(node, context)):
            context.set_tag(node, tag, reason)


def _without_table(
    region: Region, around: str, tags: Sequence[Tag | None], indexes: ModuleIndexes, tree: ScopeTree
) -> Ids:
    """Return the modules of the unknown nodes by the modules in tags alone, as `InferenceProblem.without_table`."""
    named = indexes.without_table(tag.scope for tag in tags if tag is not None)
    problem = build_problem(region, around, tags, named)
    prediction = predict.predict(problem, load_model(problem.share_named))
    found = np.full(len(tags), UNKNOWN)
    found[prediction.node] = [
        UNKNOWN if number is None else number
        for number in (tree.id(problem.tree.names[scope]) for scope in as_ints(prediction.scope))
    ]
    return found


def _at_most_medium(confidence: Confidence) -> Confidence:
    return Confidence.MEDIUM if confidence is Confidence.HIGH else confidence


def _inherit_calls(nodes: Iterable[gs.Node], around: str, context: Context) -> None:
    for node in nodes:
        if context.tags.get(node) is None:
            context.set_tag(
                node,
                Tag(around, Source.INHERITED, Confidence.HIGH),
                f"its function is called from {_called(around)}",
            )


def _called(scope: str) -> str:
    return f"'{scope}'" if scope else "the root"

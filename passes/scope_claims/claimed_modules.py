"""The module of each node that has a claim: all claims are made, and the strongest decides."""

from __future__ import annotations

from ...analysis.parameter_folding import Folding
from ...restore.reference_model import AlignedTags, ReferenceModel
from ..context import Context
from .decision import decide, decide_call
from .deep_names import report_deep_names
from .metadata import claim_module_stack, module_test
from .name_paths import named_nodes, names_of_merged_nodes
from .names import claim_classes, claim_other_names, claim_paths
from .open_modules import open_modules
from .parameters import claim_parameters
from .reference import aligned_tags, claim_aligned, claim_reference
from .stored_tags import claim_stored_tag


def claim_modules(context: Context) -> None:
    """Claim modules for nodes, and tag each node that has a claim by the strongest."""
    names = list(context.model.named_nodes())
    context.evidence.find_name_prefixes(names)
    weights = context.evidence.parameter_uses
    is_module = module_test(context)
    described = [node for node, _, has_metadata in names if has_metadata]
    for node in described:
        claim_stored_tag(node, context)
    aligned: AlignedTags | None = None
    if isinstance(context.reference, ReferenceModel):
        if context.reference.shares_names(context.model):
            claim_reference(context.reference, context)
        else:
            aligned = aligned_tags(context.reference, context)
    for node in described:
        claim_module_stack(node, context, is_module)
    named = named_nodes(names, context)
    other_names = names_of_merged_nodes(named, context)
    stacks = open_modules(named, weights, context)
    claim_paths(named, stacks, context)
    claim_other_names(other_names, stacks, context)
    if described:
        claim_classes(named, stacks, context)
    claim_parameters(weights, context)
    folding = None if context.table.declared is None else Folding.of(context.table.declared, weights.owners())
    functions = {context.model.function_key(region.graph) for region in context.regions() if region.is_function}
    claimed = context.evidence.claims
    for (node, claims), decision in zip(claimed.items(), context.tags.decisions(claimed), strict=True):
        if decision is not None or (functions and context.is_outlined(node)):
            continue
        is_call = bool(functions) and context.model.call_key(node) in functions
        if not (is_call and decide_call(node, claims, context)):
            decide(node, claims, folding, context)
    if aligned is not None:
        claim_aligned(aligned, context)
    report_deep_names(described, context)

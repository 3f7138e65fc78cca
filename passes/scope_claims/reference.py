"""What a reference says about the nodes of a file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

import onnx_graphsurgeon as gs

from ...evidence.claims import Claim
from ...identity_map import IdentityMap
from ...restore.reference_model import AlignedTags, ReferenceModel
from ...tags.table_in_use import TableInUse
from ...tags.tag_format import Confidence, Source
from ...wording import counted
from ..context import Context
from ..findings import Severity

# So many of the nodes of a model, or of its reference where that has fewer, should be in both.
_MIN_SHARED_NODES = 0.1


def claim_reference(reference: ReferenceModel, context: Context) -> None:
    """Tag the nodes that the reference has by their names, and report a reference that has hardly any."""
    if context.table.declared is reference.declared:
        context.table.modules.merge(reference.modules)
    kept: list[gs.Node] = []
    for node, tag, reason, is_kept in reference.restored(context.model, context.evidence.weight_aliases):
        if is_kept:
            kept.append(node)
        certain = tag.confidence is Confidence.HIGH
        context.evidence.add(node, Claim(tag.scope, Source.REFERENCE, "reference", reference.model.name, certain))
        if context.tags.get(node) is None and not context.is_outlined(node):
            context.set_tag(node, tag, reason)
    _doubt_what_follows(kept, context)
    total = sum(1 for _ in context.nodes())
    if len(kept) < _MIN_SHARED_NODES * min(total, len(reference.tags)):
        found = f"only {len(kept):,} of {counted(total, 'node')} found in the reference {reference.model.name}"
        context.findings.add(Severity.WARNING, "reference-differs", f"{found}; is it this model's?")


def _doubt_what_follows(kept: Iterable[gs.Node], context: Context) -> None:
    """Let no node be `high` after the last one that the reference has: the model may have another head."""
    in_reference: IdentityMap[gs.Node, bool] = IdentityMap()
    for node in kept:
        in_reference[node] = True
    for region in context.regions():
        nodes = region.graph.nodes
        if any(node in in_reference for node in nodes):
            for node in takewhile(lambda node: node not in in_reference, reversed(nodes)):
                context.beyond_reference[node] = True


def aligned_tags(reference: ReferenceModel, context: Context) -> AlignedTags:
    """Return the tags by a reference that shares no names with the file. The table of another model is not used."""
    aligned = reference.aligned(context.model, context.evidence.weight_aliases)
    if reference.is_export:
        return aligned
    if not aligned.is_same_model:
        effect = "no tag by it is high" if aligned.tags else "it is not used"
        _report_difference(aligned, f"the reference {reference.model.name}; is it this model's? {effect}", context)
    if context.table.declared is reference.declared:
        if aligned.tags:
            context.table.modules.merge(reference.modules)
        else:
            context.table = TableInUse()
    return aligned


def claim_aligned(aligned: AlignedTags, context: Context) -> None:
    """Tag the nodes that the file says nothing of, or no more than the parameters that they read."""
    reference = context.reference
    if not isinstance(reference, ReferenceModel):
        return
    if reference.is_export and context.table.declared != reference.declared:
        # The table was given other names to fit those in the file.
        return
    if reference.is_export and not aligned.is_same_model:
        if not aligned.tags or any(True for _ in context.tagged_nodes()):
            # The names in the file and the table say more than the export of a similar model.
            return
        _report_difference(aligned, "the export of the model; no tag by it is high", context)
    _doubt_what_follows([found.node for found in aligned.tags if found.is_kept], context)
    for node, tag, reason, _ in aligned.tags:
        certain = tag.confidence is Confidence.HIGH
        context.evidence.add(node, Claim(tag.scope, Source.REFERENCE, "reference", reference.model.name, certain))
        known = context.tags.get(node)
        if context.is_outlined(node):
            continue
        if known is None or (certain and known.source is Source.PARAMETER and known.confidence is not Confidence.HIGH):
            context.set_tag(node, tag, reason)


def _report_difference(aligned: AlignedTags, where: str, context: Context) -> None:
    """Report that the reference is not quite this model, so that no tag is `high`."""
    context.reference_differs = True
    found = f"only {aligned.matched_anchors} of {aligned.anchors} layers are found again"
    context.findings.add(Severity.WARNING, "reference-differs", f"{found} in {where}")

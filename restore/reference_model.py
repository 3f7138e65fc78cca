"""A tagged reference model, and the tags that it gives the nodes of another model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..analysis.parameter_folding import Folding
from ..graph.model import Model
from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable
from ..tags.scope import lca
from ..tags.tag_format import Confidence, Source, Tag
from .folded_convolutions import FoldedConvolutions
from .fused_nodes import FusedNodes
from .match_by_structure import StructureMatch
from .match_regions import aligned_regions, matched_regions, models_share_names, renamed_weights
from .named_weights import owners_of_weights, weight_owners
from .operator_families import is_linear, may_lose_names
from .region_match import RegionMatch

# Modules that a reason lists by name, at most.
_MAX_NAMED_MODULES = 4


# A reference is of the same model if at least the first share of its anchors is matched, and of a similar model if at
# least the second is. On 17 held-out models, the exports by the other exporter have 97.2% or more, and 99.6% all but
# one. Of 560 other models, two have 98.9% (one is a copy of the other's code), and the rest 97.2% or less.
_MIN_SHARE_OF_SAME, _MIN_SHARE_OF_SIMILAR = 0.99, 0.6


class Restored(NamedTuple):
    """The tag of a node by the reference, and the reason, for people.

    `is_kept` means that the reference has the node itself, without doubt.
    """

    node: gs.Node
    tag: Tag
    reason: str
    is_kept: bool


class AlignedTags(NamedTuple):
    """The tags of a model's nodes by a reference that shares no names with it; none if the reference is another model.

    Of `anchors` nodes that read weights or multiply matrices, in both models, `matched_anchors` have a counterpart.
    """

    tags: list[Restored]
    anchors: int
    matched_anchors: int

    @property
    def share(self) -> float:
        """The share of the nodes with weights that have a counterpart."""
        return self.matched_anchors / self.anchors if self.anchors else 0.0

    @property
    def is_same_model(self) -> bool:
        """Whether the reference is of the same model. Otherwise no tag is `high`."""
        return self.share >= _MIN_SHARE_OF_SAME


@dataclass(frozen=True)
class ReferenceModel:
    """A tagged model of the same origin as the models that it is a reference for.

    tags: the tags of its nodes.
    modules: the module table in use.
    declared: the module table that the user gave or the file has, if any.
    is_export: the reference is an export of the PyTorch model, made for the run. It is matched by structure, and used
        only if it is the same model as the file, or if nothing else names a module.
    """

    model: Model
    tags: IdentityMap[gs.Node, Tag]
    modules: ModuleTable
    declared: ModuleTable | None
    is_export: bool = False

    def renamed_weights(self, model: Model) -> dict[str, str]:
        """Return the reference's name of each weight of the model that has another name or shape there."""
        return {} if self.is_export else renamed_weights(self.model, model)

    def restored(self, model: Model, weights: Mapping[str, str]) -> Iterator[Restored]:
        """Yield the tags of the model's nodes; `weights` are the renamed ones, as `renamed_weights` returns them."""
        for match in matched_regions(self.model, model, weights):
            yield from self._kept(match)
            yield from self._new(match)

    def shares_names(self, model: Model) -> bool:
        """Whether values of the model have the same names in the reference, so that `restored` can tell its tags."""
        return not self.is_export and models_share_names(self.model, model)

    def aligned(self, model: Model, weights: Mapping[str, str]) -> AlignedTags:
        """Return the tags of the model's nodes by structure alone; `weights` as for `restored`."""
        matches = list(aligned_regions(self.model, model, weights, self._module_of))
        anchors = sum(match.anchors for match in matches)
        found = AlignedTags([], anchors, sum(match.matched_anchors for match in matches))
        if found.share >= _MIN_SHARE_OF_SIMILAR:
            for match in matches:
                found.tags.extend(self._aligned(match, is_same_model=found.is_same_model))
        return found

    @cached_property
    def _folding(self) -> Folding | None:
        return None if self.declared is None else Folding.of(self.declared, weight_owners(self.model))

    def _module_of(self, node: gs.Node) -> str:
        tag = self.tags.get(node)
        return "" if tag is None else tag.scope

    def _aligned(self, match: StructureMatch, *, is_same_model: bool) -> Iterator[Restored]:
        folded_convolutions = FoldedConvolutions(self._module_of, self._folding)
        for node, counterpart in match.nodes.items():
            originals = [match.reference.nodes[reference_node] for reference_node in counterpart.nodes]
            tag = self._common_tag(originals)
            if tag is None:
                continue
            folded = folded_convolutions.module_in(match.target.nodes[node], originals[0])
            if folded is not None and len(originals) == 1:
                tag = tag._replace(scope=folded)
            if not (is_same_model and counterpart.certain and all(map(self._is_unfolded, originals))):
                tag = tag._replace(confidence=_weaker(tag.confidence, Confidence.MEDIUM))
            reason = f"by its place in the model, it does the work of {self._listed(originals)}"
            yield Restored(match.target.nodes[node], tag, reason, is_kept=counterpart.certain)

    def _is_unfolded(self, node: gs.Node) -> bool:
        """Whether no normalisation was folded into a node: exporters disagree on the module of such a node.

        A node that one was folded into reads a weight of another module, or one that lost its name.
        """
        if not is_linear(node.op):
            return True
        owners = owners_of_weights(node)
        return self._module_of(node) in owners if owners else may_lose_names(node.op)

    def _kept(self, match: RegionMatch) -> Iterator[Restored]:
        for node, reference_node in match.nodes.items():
            original = match.reference.nodes[reference_node]
            tag = self.tags.get(original)
            if tag is None:
                continue
            by_neighbours = node in match.by_neighbours
            confidence = _weaker(tag.confidence, Confidence.MEDIUM if by_neighbours else Confidence.HIGH)
            how = "is this node, by its neighbours" if by_neighbours else "is this node, by name"
            yield Restored(
                match.target.nodes[node],
                tag._replace(source=Source.REFERENCE, confidence=confidence),
                f"the reference's {_described(original)} {how}",
                is_kept=True,
            )

    def _new(self, match: RegionMatch) -> Iterator[Restored]:
        for node, provenance in FusedNodes(match).provenance().items():
            originals = [match.reference.nodes[reference_node] for reference_node in provenance.nodes]
            tag = self._common_tag(originals)
            if tag is not None:
                reason = f"it {provenance.verb} {self._listed(originals)}"
                yield Restored(match.target.nodes[node], tag, reason, is_kept=False)

    def _common_tag(self, originals: Sequence[gs.Node]) -> Tag | None:
        """Return a tag with the lowest common ancestor of some nodes' modules, or None if they have no tags.

        Its confidence is the lowest of theirs, and at most `medium` if the modules differ.
        """
        tags = [tag for tag in map(self.tags.get, originals) if tag is not None]
        if not tags:
            return None
        scopes = {tag.scope for tag in tags}
        confidence = Confidence.HIGH if len(scopes) == 1 else Confidence.MEDIUM
        for tag in tags:
            confidence = _weaker(confidence, tag.confidence)
        return Tag(self.modules.nearest_called(lca(scopes)), Source.REFERENCE, confidence)

    def _listed(self, originals: Sequence[gs.Node]) -> str:
        """Describe some nodes of the reference and the modules that they ran in."""
        scopes = dict.fromkeys(tag.scope for tag in map(self.tags.get, originals) if tag is not None)
        names = [f"'{scope}'" if scope else "the root" for scope in scopes]
        listed = ", ".join(names[:_MAX_NAMED_MODULES]) + (
            f" and {len(names) - _MAX_NAMED_MODULES} more" if len(names) > _MAX_NAMED_MODULES else ""
        )
        which = _described(originals[0]) if len(originals) == 1 else f"{len(originals)} nodes"
        return f"{which} of the reference, which ran in {listed}"


def _weaker(one: Confidence, other: Confidence) -> Confidence:
    order = list(Confidence)
    return max(one, other, key=order.index)


def _described(node: gs.Node) -> str:
    return f"{node.op} '{node.name}'" if node.name else node.op

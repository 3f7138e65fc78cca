"""A tagged twin of a model, and what it says about the model's nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..graph.model import Model
from ..identity_map import IdentityMap
from ..tags.module_table import ModuleTable, lca
from ..tags.tag_format import Confidence, Source, Tag
from .fused_nodes import FusedNodes
from .match_regions import matched_regions, renamed_weights
from .region_match import RegionMatch

# So many modules are named in a reason.
_MAX_NAMED_MODULES = 4


@dataclass(frozen=True)
class ReferenceModel:
    """A tagged model of the same origin: its nodes' tags, the modules in use, the table that was declared, if any."""

    model: Model
    tags: IdentityMap[gs.Node, Tag]
    modules: ModuleTable
    declared: ModuleTable | None

    def renamed_weights(self, model: Model) -> dict[str, str]:
        """Return the twin's name of each of the model's weights that has another name or shape there."""
        return renamed_weights(self.model, model)

    def restored(self, model: Model, weights: Mapping[str, str]) -> Iterator[Restored]:
        """Yield what the twin says about the model's nodes; `weights` are those known to be the same, by new name."""
        for match in matched_regions(self.model, model, weights):
            yield from self._kept(match)
            yield from self._new(match)

    def _kept(self, match: RegionMatch) -> Iterator[Restored]:
        for index, twin in match.nodes.items():
            original = match.reference.nodes[twin]
            tag = self.tags.get(original)
            if tag is None:
                continue
            guessed = index in match.inferred
            confidence = _weaker(tag.confidence, Confidence.MEDIUM if guessed else Confidence.HIGH)
            how = "is this node, by its neighbours" if guessed else "is this node, by name"
            yield Restored(
                match.target.nodes[index],
                tag._replace(source=Source.REFERENCE, confidence=confidence),
                f"the reference's {_described(original)} {how}",
                is_kept=True,
            )

    def _new(self, match: RegionMatch) -> Iterator[Restored]:
        for index, stand in FusedNodes(match).provenance().items():
            originals = [match.reference.nodes[twin] for twin in stand.nodes]
            tag = self._shared_tag(originals)
            if tag is not None:
                node = match.target.nodes[index]
                yield Restored(node, tag, f"it {stand.verb} {self._named(originals)}", is_kept=False)

    def _shared_tag(self, originals: Sequence[gs.Node]) -> Tag | None:
        """Return the tag of a node that stands for several: their common ancestor; None where they have no tags."""
        tags = [tag for tag in map(self.tags.get, originals) if tag is not None]
        if not tags:
            return None
        scopes = {tag.scope for tag in tags}
        confidence = Confidence.HIGH if len(scopes) == 1 else Confidence.MEDIUM
        for tag in tags:
            confidence = _weaker(confidence, tag.confidence)
        return Tag(self.modules.nearest_called(lca(scopes)), Source.REFERENCE, confidence)

    def _named(self, originals: Sequence[gs.Node]) -> str:
        """Return which nodes of the reference these are, and the modules that they ran in."""
        scopes = dict.fromkeys(tag.scope for tag in map(self.tags.get, originals) if tag is not None)
        names = [f"'{scope}'" if scope else "the root" for scope in scopes]
        listed = ", ".join(names[:_MAX_NAMED_MODULES]) + (
            f" and {len(names) - _MAX_NAMED_MODULES} more" if len(names) > _MAX_NAMED_MODULES else ""
        )
        which = _described(originals[0]) if len(originals) == 1 else f"{len(originals)} nodes"
        return f"{which} of the reference, which ran in {listed}"


class Restored(NamedTuple):
    """What a twin says about a node: its tag, why, for people, and whether the node itself is in the twin."""

    node: gs.Node
    tag: Tag
    reason: str
    is_kept: bool


def _weaker(one: Confidence, other: Confidence) -> Confidence:
    order = list(Confidence)
    return max(one, other, key=order.index)


def _described(node: gs.Node) -> str:
    return f"{node.op} '{node.name}'" if node.name else node.op

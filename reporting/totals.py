"""The counts of a run: nodes, tags by source and confidence, and auxiliary operations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..graph.operators import is_auxiliary
from ..tags.tag_format import Confidence, Source, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..api import Run


@dataclass(frozen=True)
class AuxiliaryTotals:
    """Counts of auxiliary operations (`graph/operators.py`).

    `found` counts all of them, `inherited` those with source `inherited`, `fell_back` those with source `fallback`,
    `serving` those that serve another module than the one they ran in, and `at_root` those whose class path is the
    root's.
    """

    found: int = 0
    inherited: int = 0
    fell_back: int = 0
    serving: int = 0
    at_root: int = 0


@dataclass(frozen=True)
class Totals:
    """Counts over the main graph, all subgraphs and all function bodies.

    A node of a function body counts once. `tagged` counts the nodes with a tag, `modules` the modules that nodes ran
    in, at all calls of functions, and `tags` the distinct targets of tags. `sources` and `confidences` count tags by
    source and by confidence.
    """

    nodes: int
    tagged: int
    sources: Mapping[str, int]
    confidences: Mapping[str, int]
    auxiliary: AuxiliaryTotals
    modules: int
    tags: int

    @property
    def coverage(self) -> float:
        """The share of nodes that have a tag, from 0 to 1; 1 if the model has no nodes."""
        return self.tagged / self.nodes if self.nodes else 1.0


def totals(run: Run) -> Totals:
    """Count the nodes of a run. The time is linear in the number of nodes."""
    # There are few distinct combinations, so the rest of the function is cheap.
    counts: Counter[tuple[Tag | None, bool]] = Counter(
        (run.context.tags.get(node), is_auxiliary(node)) for node in run.context.nodes()
    )
    sources = {source.value: 0 for source in Source}
    confidences = {confidence.value: 0 for confidence in Confidence}
    for (tag, _), count in counts.items():
        if tag is not None:
            sources[tag.source.value] += count
            confidences[tag.confidence.value] += count
    tags = {tag for tag, _ in counts if tag is not None}
    return Totals(
        nodes=counts.total(),
        tagged=sum(sources.values()),
        sources=sources,
        confidences=confidences,
        auxiliary=_auxiliary_totals({tag: count for (tag, auxiliary), count in counts.items() if auxiliary}),
        modules=len(run.scopes() if run.model.graph.functions else {tag.scope for tag in tags}),
        tags=len({tag.target for tag in tags}),
    )


def _auxiliary_totals(counts: Mapping[Tag | None, int]) -> AuxiliaryTotals:
    tagged = {tag: count for tag, count in counts.items() if tag is not None}
    return AuxiliaryTotals(
        found=sum(counts.values()),
        inherited=sum(count for tag, count in tagged.items() if tag.source is Source.INHERITED),
        fell_back=sum(count for tag, count in tagged.items() if tag.source is Source.FALLBACK),
        serving=sum(count for tag, count in tagged.items() if tag.serves is not None),
        at_root=sum(count for tag, count in tagged.items() if not tag.target),
    )

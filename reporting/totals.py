"""The figures of a run: nodes, how their modules are known, and what became of auxiliary operations."""

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
class Auxiliary:
    """What became of the auxiliary operations (`graph/operators.py`).

    `inherited`: dataflow decided; `fell_back`: nothing did; `serving`: they work for another module than
    the one they ran in; `at_root`: their tag is the root's. The others are known from names, metadata or
    parameters.
    """

    found: int = 0
    inherited: int = 0
    fell_back: int = 0
    serving: int = 0
    at_root: int = 0


@dataclass(frozen=True)
class Totals:
    """The figures of a run over the main graph, all subgraphs and all function bodies.

    `modules` counts the modules that nodes ran in, `tags` the class paths among the tags.
    """

    nodes: int
    tagged: int
    sources: Mapping[str, int]
    confidences: Mapping[str, int]
    auxiliary: Auxiliary
    modules: int
    tags: int

    @property
    def coverage(self) -> float:
        """The share of nodes that have a tag, 0 to 1; a model without nodes is covered."""
        return self.tagged / self.nodes if self.nodes else 1.0


def totals(run: Run) -> Totals:
    """Count the nodes of a run. Linear in nodes."""
    # Few combinations are distinct, so all that follows is cheap.
    counts: Counter[tuple[Tag | None, bool]] = Counter(
        (run.context.tag(node), is_auxiliary(node)) for node in run.context.nodes()
    )
    sources = {source.value: 0 for source in Source}
    confidences = {confidence.value: 0 for confidence in Confidence}
    for (tag, _), count in counts.items():
        if tag is not None:
            sources[tag.source.value] += count
            confidences[tag.confidence.value] += count
    known = {tag for tag, _ in counts if tag is not None}
    return Totals(
        nodes=counts.total(),
        tagged=sum(sources.values()),
        sources=sources,
        confidences=confidences,
        auxiliary=_auxiliary({tag: count for (tag, auxiliary), count in counts.items() if auxiliary}),
        modules=len({tag.scope for tag in known}),
        tags=len({tag.target for tag in known}),
    )


def _auxiliary(counts: Mapping[Tag | None, int]) -> Auxiliary:
    tagged = {tag: count for tag, count in counts.items() if tag is not None}
    return Auxiliary(
        found=sum(counts.values()),
        inherited=sum(count for tag, count in tagged.items() if tag.source is Source.INHERITED),
        fell_back=sum(count for tag, count in tagged.items() if tag.source is Source.FALLBACK),
        serving=sum(count for tag, count in tagged.items() if tag.serves is not None),
        at_root=sum(count for tag, count in tagged.items() if not tag.target),
    )

"""The JSON report of a run. docs/report.schema.json defines the format and docs/report.md explains it."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from ..escape import for_json
from ..identity_map import IdentityMap
from ..tags.tag_format import FORMAT_VERSION
from .explanation import Explanation, explanations
from .node_entry import tag_entry
from .totals import totals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_graphsurgeon as gs

    from ..api import Run
    from ..evidence.claims import Claim
    from ..passes.base import PassResult
    from ..passes.context import Context

REPORT_VERSION = 1


def report(run: Run, *, seconds: Sequence[float] = (), output: str | None = None) -> dict[str, Any]:
    """Return the report of a run as a JSON-serialisable dictionary. The time is linear in the number of nodes.

    `seconds` is the time of each pass in pipeline order; `output` is the path that the model was written to.
    """
    explanation_list = list(explanations(run.context))
    positions: IdentityMap[gs.Node, str] = IdentityMap()
    for item in explanation_list:
        positions[item.node] = item.position
    return {
        **_versions(),
        "input": run.model.name,
        "output": output,
        "pipeline": str(run.pipeline),
        "ok": run.ok,
        "totals": _totals_entry(run),
        "passes": [
            _pass_entry(result, taken, positions)
            for result, taken in zip_longest(run.results, seconds[: len(run.results)])
        ],
        "findings": [finding._asdict() for finding in run.findings],
        "modules": run.modules.to_json(),
        "nodes": [node_entry(item, run) for item in explanation_list],
    }


def error_report(source: str, error: str) -> dict[str, Any]:
    """Return the entry of a model that was not tagged in a list of reports. `error` is one line."""
    return {**_versions(), "input": source, "output": None, "ok": False, "error": error}


def dumps(document: Mapping[str, Any]) -> str:
    """Return a report as JSON text with one line per node, so that line-based tools can compare reports."""
    nodes = ",\n".join(for_json(node) for node in document["nodes"])
    rest = ",\n".join(f"{for_json(key)}: {for_json(value)}" for key, value in document.items() if key != "nodes")
    return f'{{{rest},\n"nodes": [\n{nodes}\n]}}\n'


def _versions() -> dict[str, Any]:
    return {"version": REPORT_VERSION, "hpass": version("hpass"), "tag_format": FORMAT_VERSION}


def node_entry(item: Explanation, run: Run) -> dict[str, Any]:
    """Return the report's entry of one node."""
    decision = item.decision
    return {
        **tag_entry(item.position, item.node, None if decision is None else decision.tag, run.modules),
        "evidence": [_claim_entry(claim, supports=item.supports(claim)) for claim in item.evidence],
        "reason": None if decision is None else decision.reason,
        "pass": None if decision is None else decision.decided_by,
    }


def _totals_entry(run: Run) -> dict[str, Any]:
    figures = totals(run)
    return {
        "nodes": figures.nodes,
        "tagged": figures.tagged,
        "coverage": figures.coverage,
        "sources": dict(figures.sources),
        "confidences": dict(figures.confidences),
        "auxiliary": asdict(figures.auxiliary),
        "modules": figures.modules,
        "tags": figures.tags,
    }


def _pass_entry(result: PassResult, seconds: float | None, positions: IdentityMap[gs.Node, str]) -> dict[str, Any]:
    return {
        "name": result.name,
        "seconds": seconds,
        "nodes": result.nodes,
        "tagged": {source.value: count for source, count in result.tagged.items()},
        "edits": asdict(result.edits),
        "skipped": [{"node": positions.get(node), "reason": reason} for node, reason in result.skipped],
    }


def _claim_entry(claim: Claim, *, supports: bool) -> dict[str, Any]:
    return {
        "scope": claim.scope,
        "source": claim.source.value,
        "origin": claim.origin,
        "text": claim.text,
        "certain": claim.certain,
        "supports": supports,
    }


def attribution_entry(node: gs.Node, context: Context) -> dict[str, Any]:
    """Return the feature contributions of an inherited tag relative to the runner-up module; empty for other tags.

    A contribution is a difference of scores, that is of unnormalised natural log probabilities.
    """
    attribution = context.attributions.get(node)
    if attribution is None:
        return {}
    return {
        "runner_up": attribution.runner_up,
        "contributions": [
            {"feature": item.feature, "contribution": round(item.contribution, 2), "gloss": item.gloss}
            for item in attribution.contributions
        ],
    }

"""The page of results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .measure import DEPTHS, Result

INTRODUCTION = """\
# Extraction

Every call of every module of these models was extracted, run by onnxruntime (optimisations off) on the values of the
whole model, and its outputs compared bit by bit with these values. The same was done with the stages of each model,
each run on what earlier ones wrote. The command is `python -m benchmarks.extraction --cache FOLDER`; the models are the
fixtures and the exports that `benchmarks.accuracy` made.
"""


def page(results: Sequence[Result]) -> str:
    """Return the results as Markdown."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Sequence[Result]) -> Iterator[str]:
    pieces = sum(result.pieces for result in results)
    refused = sum(len(result.refused) for result in results)
    compared = pieces - refused - sum(result.not_compared for result in results)
    identical = sum(result.identical for result in results)
    chains = [same for result in results for same in result.chains.values()]
    yield INTRODUCTION
    yield "| | |"
    yield "|---|---|"
    yield f"| models | {len(results)} |"
    yield f"| calls of modules | {pieces:,} |"
    yield f"| refused | {refused:,} ({_percent(refused, pieces)}) |"
    yield f"| compared | {compared:,} |"
    yield f"| bit-identical | {identical:,} ({_percent(identical, compared)}) |"
    yield f"| inside a subgraph, opened but not compared | {sum(result.not_compared for result in results):,} |"
    yield f"| chains of stages | {len(chains)} |"
    yield f"| bit-identical | {sum(chains)} ({_percent(sum(chains), len(chains))}) |"
    yield ""
    yield "*Repeated* counts the calls of modules that are called more than once, *most inputs* is that of one module."
    yield ""
    depths = " | ".join(f"stages of depth {depth}" for depth in DEPTHS)
    yield f"| model | calls | identical | refused | repeated | most inputs | {depths} |"
    yield f"|---|---|---|---|---|---|{'---|' * len(DEPTHS)}"
    for result in results:
        stages = " | ".join(f"{result.stages[depth]}{'' if result.chains[depth] else ', differs'}" for depth in DEPTHS)
        yield (
            f"| {result.model} | {result.pieces} | {result.identical} | {len(result.refused)} | {result.repeated} | "
            f"{result.most_inputs} | {stages} |"
        )
    reasons = [(result.model, *row) for result in results for row in (*result.refused, *result.failed)]
    if reasons:
        yield ""
        yield "| model | module | reason |"
        yield "|---|---|---|"
        yield from (f"| {model} | `{scope}` | {reason} |" for model, scope, reason in reasons)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "-"

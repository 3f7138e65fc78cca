"""The page of the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.speed.processes import Runs

from .measure import PIPELINES, Named, Rewritten
from .same_results import DIFFERENT, IDENTICAL, NOT_RUN

INTRODUCTION = """\
# Passes that rewrite

`python -m benchmarks.rewriting --cache FOLDER --corpus FOLDER -o docs/results/rewriting.md` writes this page. The
models are the fixtures, exports that `benchmarks.accuracy` made, and files of other projects. Each is rewritten; then
onnxruntime runs both files with its optimisations off, and their outputs are compared bit by bit. *Undone* counts the
files of which `hpass strip` makes the input again, byte for byte. `outline` is undone by `inline`: without shared
functions, that must give back the model byte for byte, but for the order of nodes and of types in each graph; with
shared functions, the operators and the modules of all nodes.
*Stable* counts the files in which a second run changes nothing. A file that onnxruntime does not run, or that gives
other outputs from run to run, is not compared.
"""
_NAMES = """
## The modules by the names alone

After `rename`, all metadata is deleted and the file is tagged again. *Other module* counts the nodes that are not in
the module they were in.
"""
_TIMES = """
## Time and memory

`hpass run` with the pass, against `hpass run` without it, on a chain of {nodes:,} nodes: whole processes, run in turns,
the median of the ratios of their processor times, and the peak of memory.
"""


def page(
    rewritten: Mapping[str, Sequence[Rewritten]], named: Sequence[Named], times: Mapping[str, Runs], nodes: int
) -> str:
    """Return the results as Markdown; `rewritten` has them by the kind of model."""
    return "\n".join((*_promises(rewritten), *_names(named), *_times(times, nodes), ""))


def _promises(rewritten: Mapping[str, Sequence[Rewritten]]) -> Iterator[str]:
    yield INTRODUCTION
    yield "| models | passes | files | compared | bit-identical | undone | stable |"
    yield "|---|---|---|---|---|---|---|"
    for kind, results in rewritten.items():
        for pipeline in PIPELINES:
            found = [result for result in results if result.pipeline == pipeline]
            outcomes = [result.results for result in found]
            yield (
                f"| {kind} | `{pipeline}` | {len(found)} | {len(found) - outcomes.count(NOT_RUN)} "
                f"| {outcomes.count(IDENTICAL)} | {sum(result.is_undone for result in found)} "
                f"| {sum(result.is_stable for result in found)} |"
            )
    failed = [
        f"| {result.model} | `{result.pipeline}` | {result.results} | {result.is_undone} | {result.is_stable} |"
        for results in rewritten.values()
        for result in results
        if result.results == DIFFERENT or not (result.is_undone and result.is_stable)
    ]
    if failed:
        yield from ("", "| file | passes | results | undone | stable |", "|---|---|---|---|---|", *failed)


def _names(named: Sequence[Named]) -> Iterator[str]:
    yield _NAMES
    yield "| models | nodes | other module | of these with confidence `high` | models with none |"
    yield "|---|---|---|---|---|"
    yield (
        f"| {len(named)} | {sum(result.nodes for result in named):,} | {sum(result.wrong for result in named)} "
        f"| {sum(result.wrong_and_high for result in named)} | {sum(not result.wrong for result in named)} |"
    )
    wrong = [f"| {result.model} | {result.nodes} | {result.wrong} |" for result in named if result.wrong]
    if wrong:
        yield from ("", "| model | nodes | other module |", "|---|---|---|", *wrong)


def _times(times: Mapping[str, Runs], nodes: int) -> Iterator[str]:
    base = times["all"]
    yield _TIMES.format(nodes=nodes)
    yield "| passes | time / tagging alone | memory / tagging alone |"
    yield "|---|---|---|"
    for pipeline in PIPELINES:
        ratio = times[pipeline].processor_ratio(base)
        shown = times[pipeline].problem or base.problem or "failed" if ratio is None else f"{ratio:.2f}"
        yield f"| `{pipeline}` | {shown} | {times[pipeline].memory >> 20} / {base.memory >> 20} MB |"

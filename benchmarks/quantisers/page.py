"""The page of the results."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import Failure, Result
from .placement import Placement

INTRODUCTION = """\
# Quantisers of other projects

`python -m benchmarks.quantisers --environments FOLDER -o docs/results/quantisers.md` writes this page. It installs each
tool from PyPI in an environment of its own, lets it quantise models (or convert them to float16) twice, as a whole and
without the module that `hpass select MODEL MODULE --for FORM` names, and looks in the two files which products (MatMul,
Gemm, Conv) are still floats. It looks twice: by the names of the nodes, and by the tags that `--reference` gives the
files of the tool. The tests do the same with onnxruntime's quantisers and converters.

ModelOpt is installed without the dependencies that it declares, because onnxruntime-gpu and CuPy need CUDA; onnxruntime
for the CPU takes their place. Olive imports `requests`, which it does not declare.

*Inside* counts the products of the module that stayed float; in brackets is how many of them the tool quantises if it
may. *Outside* counts the quantised products of all other modules, and those without the selection.
"""


PLACEMENT = """
## Placement

A model with one product in each of seven modules is opened with two execution providers, onnxruntime's for the CPU and
[ggml](https://pypi.org/project/onnxruntime-ggml/)'s, which takes all products. The option that `--for layer-ann` writes
puts the modules of a pattern on the CPU. *Placed* counts the nodes that are there, and those of the pattern.
"""


def page(results: Sequence[Result | Failure], placements: Sequence[Placement]) -> str:
    """Return the results as Markdown."""
    measured = [result for result in results if isinstance(result, Result)]
    exact = sum(result.is_exact for result in measured)
    failed = [result for result in results if isinstance(result, Failure)]
    lines = [
        INTRODUCTION,
        f"In {exact} of {len(measured)} results exactly the module stayed float, by names and by tags.",
        "",
        "| tool | method | model | module | inside, by name | by tag | outside, by name | by tag | |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(_row, measured),
    ]
    if failed:
        lines += ["", "| tool | method | model | did not run |", "|---|---|---|---|", *map(_failure, failed)]
    lines += [PLACEMENT, "| onnxruntime-ggml | pattern | option | placed | |", "|---|---|---|---|---|"]
    return "\n".join((*lines, *map(_placement, placements), ""))


def _row(result: Result) -> str:
    cells = [
        f"{result.method.tool.package} {result.version}",
        result.method.title,
        result.sample.path.stem,
        f"`{result.sample.module}`",
        f"{result.by_name.kept} of {result.inside} ({result.reduced_inside})",
        f"{result.by_tag.kept} of {result.inside}",
        f"{result.by_name.reduced} of {result.reduced_outside}",
        f"{result.by_tag.reduced} of {result.reduced_outside}",
        "exact" if result.is_exact else "differs",
    ]
    return f"| {' | '.join(cells)} |"


def _placement(placement: Placement) -> str:
    patterns = " ".join(f"`{pattern}`" for pattern in placement.patterns.split(";"))
    verdict = placement.reason or ("exact" if placement.placed == placement.expected else "differs")
    return (
        f"| {placement.version} | {patterns} | `{placement.option}` "
        f"| {len(placement.placed)} of {len(placement.expected)} | {verdict} |"
    )


def _failure(failure: Failure) -> str:
    tool = f"{failure.method.tool.package} {failure.version}".strip()
    return f"| {tool} | {failure.method.title} | {failure.sample.path.stem} | {failure.reason} |"

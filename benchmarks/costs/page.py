"""The page of the results."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import Result

INTRODUCTION = """\
# Multiply-accumulates, counted in the file and by PyTorch

`python -m benchmarks.costs --cache FOLDER -o docs/results/cost.md` writes this page. `hpass cost` counts the
multiply-accumulates of an exported file, with the sizes of the inputs that it was exported with. PyTorch's
`FlopCounterMode` counts two FLOPs for each while the model itself runs, with fused attention off, because it does not
know that of the CPU. `unknown` is the number of nodes of which hpass knows no cost.

The two may differ although both are right: exporters compute in advance what depends on no input (funnel, xlnet), and
leave out what no output needs (plain_wavenet); PyTorch's counter knows no recurrent operators (plain_recurrent). In
mixtral both leave out the products of experts, whose sizes depend on the data, and in fnet hpass does not know the
other operations of DFT.
"""


def page(results: Sequence[Result]) -> str:
    """Return the results as Markdown."""
    equal = sum(result.is_equal for result in results)
    models = {result.model for result in results}
    equal_models = {result.model for result in results if result.is_equal}
    rows = [
        f"| {result.model} | {result.engine} | {_number(result.by_hpass)} | {result.by_torch:,} | "
        f"{'equal' if result.is_equal else 'other'} | {result.unknown} |"
        for result in results
    ]
    return "\n".join(
        (
            INTRODUCTION,
            f"{equal} of {len(results)} files of {len(models)} models are equal; {len(equal_models)} models have one.",
            "",
            "| model | exporter | hpass | PyTorch | | unknown |",
            "|---|---|--:|--:|---|--:|",
            *rows,
            "",
        )
    )


def _number(macs: int | str) -> str:
    return f"{macs:,}" if isinstance(macs, int) else macs

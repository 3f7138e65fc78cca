"""The page of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .measure import Mistake, Result

INTRODUCTION = """\
# Calls of modules

How often `hpass.call` is right ([docs/tag-format.md](../tag-format.md#calls)), measured by
`python -m benchmarks.calls --cache FOLDER`. The models are those of the accuracy benchmark, more that share modules
(benchmarks/accuracy/zoo_shared.py), and some that were not chosen by hand, by both exporters of PyTorch. Nothing is
hidden: the files are as they were exported. Those that share modules are also measured after optimisers, without the
original as a reference.

The true call of a node is recorded while the model is exported: torch.export names the open calls of each node, and of
TorchScript each call is a scope of its own. Forward hooks count the calls of every module, and no node may be of a call
that they did not see. Calls that left no node do not count. A number is right if module and number are right. After
an optimiser, only the nodes count that it kept, and only in modules of which it kept nodes of every call. Their calls
are numbered anew in the order of the file. *Wrong module* counts the wrong nodes whose tag names another module.
"""


def page(results: Sequence[Result], optimised: Mapping[str, Sequence[Result]]) -> str:
    """Return the results as Markdown. `optimised` has those after optimisers."""
    return "\n".join(_lines(results, optimised)) + "\n"


def _lines(results: Sequence[Result], optimised: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    sharing = [result for result in results if result.modules]
    others = [result for result in results if not result.modules]
    nodes = sum(result.nodes for result in sharing)
    right = sum(result.right for result in results)
    wrong = sum(len(result.wrong) for result in results)
    yield INTRODUCTION
    yield "| | |"
    yield "|---|---|"
    yield f"| models with a module that is called more than once | {len({result.model for result in sharing})} |"
    yield f"| files of these | {len(sharing)} |"
    yield f"| nodes of modules called more than once | {nodes:,} |"
    yield f"| of these with a number | {nodes - sum(len(result.missing) for result in sharing):,} |"
    yield f"| share with a number | {_percent(nodes - sum(len(result.missing) for result in sharing), nodes)} |"
    yield f"| nodes with a number, of whatever module | {right + wrong:,} |"
    yield f"| right | {right:,} ({_percent(right, right + wrong)}) |"
    yield f"| with a number, but the exporter does not say the module | {sum(result.unknown for result in results):,} |"
    yield f"| files without such modules | {len(others)} |"
    yield f"| nodes with a number there | {sum(len(result.wrong) for result in others):,} |"
    yield ""
    yield "| model | exporter | modules | nodes | right | wrong | without a number |"
    yield "|---|---|---|---|---|---|---|"
    for result in sharing:
        yield (
            f"| {result.model} | {result.form} | {result.modules} | {result.nodes:,} | {result.right:,} | "
            f"{len(result.wrong)} | {len(result.missing)} |"
        )
    yield ""
    yield "The nodes that are wrong or have no number, by their true module:"
    yield ""
    yield from _mistakes((result, {"wrong": result.wrong, "no number": result.missing}) for result in results)
    yield ""
    yield "## After optimisers"
    yield ""
    yield (
        "| optimiser | files | nodes of modules called more than once | with a number | of whatever module | right | "
        "wrong module |"
    )
    yield "|---|---|---|---|---|---|---|"
    for optimiser, found in optimised.items():
        nodes = sum(result.nodes for result in found)
        numbered = nodes - sum(len(result.missing) for result in found)
        right = sum(result.right for result in found)
        wrong = [mistake for result in found for mistake in result.wrong]
        answers = right + len(wrong)
        displaced = sum(mistake.scope != mistake.answer[0] for mistake in wrong)
        yield (
            f"| {optimiser} | {len(found)} | {nodes:,} | {numbered:,} ({_percent(numbered, nodes)}) | {answers:,} | "
            f"{right:,} ({_percent(right, answers)}) | {displaced:,} |"
        )
    yield ""
    yield "The nodes that are wrong:"
    yield ""
    yield from _mistakes((result, {"wrong": result.wrong}) for found in optimised.values() for result in found)


def _mistakes(results: Iterable[tuple[Result, Mapping[str, Sequence[Mistake]]]]) -> Iterator[str]:
    yield "| model | exporter | | module | operators |"
    yield "|---|---|---|---|---|"
    for result, kinds in results:
        for kind, found in kinds.items():
            for scope, ops in _by_module((mistake.scope, mistake.op) for mistake in found):
                counted = ", ".join(f"{count} {op}" for op, count in ops.most_common())
                yield f"| {result.model} | {result.form} | {kind} | `{scope}` | {counted} |"


def _by_module(found: Iterator[tuple[str, str]]) -> list[tuple[str, Counter[str]]]:
    modules: dict[str, Counter[str]] = {}
    for scope, op in found:
        modules.setdefault(scope, Counter())[op] += 1
    return list(modules.items())


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "-"

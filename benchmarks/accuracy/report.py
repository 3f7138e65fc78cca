"""Write the results as Markdown tables and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from . import zoo_packages, zoo_random
from .cases import CASES, Row
from .score import Breakdown, Score, kind_of_mistake

_Key = TypeVar("_Key")

AIMS = {
    "names": 99.5,
    "modules": 99.9,
    "metadata": 100.0,
    "aux": 96.0,
    "random": 97.0,
    "stripped": 75.0,
    "stripped, modules": 85.0,
    "optimised": 98.0,
    "anonymous, same weights": 98.0,
    "anonymous, same weights, auxiliary": 92.0,
    "anonymous, other weights": 95.0,
    "anonymous, other weights, auxiliary": 88.0,
    "anonymous, fewer layers": 90.0,
}
_BASELINES = ("split name", "root", "consumers", "emission order", "named")
_KINDS = ("no scope", "too shallow", "too deep", "sibling", "elsewhere")
_CONFIDENCES = ("high", "medium", "low")
_FORMAT = 1
INTRODUCTION = """\
Made by `python -m benchmarks.accuracy`. [Its README](../../benchmarks/accuracy/README.md) says how the true module of a
node is found and what each case hides. Shares are in percent, counted over the nodes of all models together.

- *exact*: nodes whose `hpass.scope` is exactly the module they ran in; *aim*: the goal for that share.
- *F1*: the hierarchical F1 score of the two module paths.
- *split name*, *root*, *consumers*, *emission order*: the exact share of four simple methods, for comparison.
- *named*: nodes whose module is still named somewhere in the file, or by a node of the reference. Without a module
  table, the module of any other node can only be known from repeated blocks.
- *high: share*, *high: exact*: nodes of confidence `high`, and how many of these are exact.
- *serves*: auxiliary operations at the root whose `hpass.serves` is exact.
- *no truth*: the number of nodes whose module the exporter does not tell; they are not scored."""

HELD_OUT = "Nobody chose these models by hand, and no weight was fitted on them. Expect these figures on other models."
CHOSEN = """\
The rules were written with these models in view, and the weights are fitted on them.
[accuracy-held-out.md](accuracy-held-out.md) has the figures to expect on other models."""
PACKAGES = """\
These are models of torch.nn, torchvision, timm, segmentation_models_pytorch, torch_geometric, diffusers and peft,
freshly initialised: many of their parameters are equal, and exporters store equal ones once. No weight was fitted on
them. One rule came from them: `analysis/parameter_folding.py` expects a normalisation that runs its own activation.
What makes a prediction less than `high` (`inference/rivals.py`, and which operators are rare) was found on one half of
the models and on the chosen ones; a checksum of the name decides which half. Of the other half, only the totals were
looked at. [The confidence of each half](#high-by-half) has a table of its own."""
RANDOM = """\
These are trees of modules that a program puts together at random (`zoo_random.py`): nested, shared, tied and repeated
modules, and many that have no parameters. If the names of such a module's nodes are hidden, nothing in the file says
that it exists. No weight was fitted on these trees. What makes a prediction less than `high` was looked for on trees
of even seeds. Of the others, only the totals were looked at. [The confidence of each half](#high-by-half) has a table
of its own."""
_TITLES = {
    CHOSEN: "the chosen models",
    HELD_OUT: "held-out models",
    PACKAGES: "models of other packages",
    RANDOM: "random module trees",
}
# Of each of these sets, one half was looked at and the other was not.
_IS_UNSEEN = {PACKAGES: zoo_packages.is_unseen, RANDOM: zoo_random.is_unseen}


def markdown(rows: Sequence[Row], missing: Sequence[tuple[str, str, str]], models: str) -> str:
    """Return the whole report as Markdown; `models` says what models these are, such as HELD_OUT."""
    kinds = _group(sorted(rows, key=_order), _kind)
    parts = [
        f"# Accuracy on {_TITLES[models]}",
        INTRODUCTION,
        models,
        _summary(kinds),
        "## By source",
        _split_table(kinds, lambda result: result.by_source),
        "## By confidence",
        _split_table(kinds, lambda result: result.by_confidence, _CONFIDENCES),
        "## By confidence, nodes that inherited or fell back",
        _split_table(kinds, lambda result: result.inherited_by_confidence, _CONFIDENCES),
        "## Mistakes",
        _mistakes(kinds),
        *(["## High, by half", _halves(kinds, _IS_UNSEEN[models])] if models in _IS_UNSEEN else []),
        *_optimisers(rows),
        *(["## By model", _by_model(rows)] if models != RANDOM else []),
    ]
    if missing:
        parts += ["## Left out", _table(["model", "engine", "reason"], [[m, e, _cell(r)] for m, e, r in missing])]
    notes = _group((row for row in rows if row.note), lambda row: (row.case, row.note))
    if notes:
        lines = [
            [case, _cell(note), str(len(group)), _cell(", ".join(f"{row.model}.{row.engine}" for row in group))]
            for (case, note), group in notes.items()
        ]
        parts += ["## Without a result", _table(["case", "reason", "models", "which"], lines)]
    return "\n\n".join(parts) + "\n"


def _kind(row: Row) -> str:
    """Return the case without the optimiser."""
    return row.case.partition(":")[0]


def _order(row: Row) -> int:
    return CASES.index(_kind(row).partition(",")[0])


def _summary(kinds: Mapping[str, list[Row]]) -> str:
    head = [
        "case",
        "models",
        "nodes",
        "exact",
        "aim",
        "F1",
        *_BASELINES,
        "high: share",
        "high: exact",
        "serves",
        "no truth",
    ]
    lines: list[list[str]] = []
    for case, rows in kinds.items():
        result, simple = _merged(rows), _baselines(rows)
        served = Score()
        for row in rows:
            served.merge(row.serves)
        high = result.by_confidence.get("high", Score())
        lines.append(
            [
                case,
                str(len({(row.model, row.engine) for row in rows})),
                str(result.total.nodes),
                _percent(result.total.share),
                _aim(case, 100 * result.total.share),
                _percent(result.total.mean_f1),
                *(_percent(simple[name].share) if name in simple else "" for name in _BASELINES),
                _percent(high.nodes / result.total.nodes if result.total.nodes else 0),
                _percent(high.share),
                _share_of(served),
                str(result.without_truth),
            ]
        )
    return _table(head, lines)


def _aim(case: str, exact: float) -> str:
    """Return the aim of a case, with the difference if the result is below it."""
    if case not in AIMS:
        return ""
    missed = AIMS[case] - exact
    return f"{AIMS[case]}" if missed <= 0 else f"{AIMS[case]} ({missed:.1f} short)"


def _split_table(
    kinds: Mapping[str, list[Row]],
    split: Callable[[Breakdown], Mapping[str, Score]],
    columns: Sequence[str] | None = None,
) -> str:
    results = {case: split(_merged(rows)) for case, rows in kinds.items()}
    names = columns or sorted({name for result in results.values() for name in result})
    lines = [[case, *(_share_of(result.get(name, Score())) for name in names)] for case, result in results.items()]
    return _table(["case", *names], lines)


def _halves(kinds: Mapping[str, list[Row]], is_unseen: Callable[[str], bool]) -> str:
    """Return how often `high` is right in each case, on the half of the models seen and on the other half."""
    lines: list[list[str]] = []
    for case, rows in kinds.items():
        cells: list[str] = []
        for unseen in (False, True):
            result = _merged(row for row in rows if is_unseen(row.model) is unseen)
            high = result.by_confidence.get("high", Score())
            cells += [_percent(high.nodes / result.total.nodes if result.total.nodes else 0), _share_of(high)]
        lines.append([case, *cells])
    return _table(["case", "seen: share", "seen: exact", "unseen: share", "unseen: exact"], lines)


def _mistakes(kinds: Mapping[str, list[Row]]) -> str:
    lines: list[list[str]] = []
    for case, rows in kinds.items():
        mistakes = [mistake for row in rows for mistake in row.mistakes]
        by_kind = Counter(kind_of_mistake(mistake.truth, mistake.answer.scope) for mistake in mistakes)
        by_operator = Counter(mistake.op_type for mistake in mistakes).most_common(5)
        operators = ", ".join(f"{operator} {count}" for operator, count in by_operator)
        lines.append([case, str(len(mistakes)), *(str(by_kind[kind]) for kind in _KINDS), operators])
    return _table(["case", "wrong", *_KINDS, "most frequent operators"], lines)


def _optimisers(rows: Sequence[Row]) -> list[str]:
    lines: list[list[str]] = []
    for case, group in _group(rows, lambda row: row.case).items():
        kind, _, optimiser = case.partition(": ")
        done = [row for row in group if row.nodes]  # a row of a failed optimiser has no nodes
        if kind != "optimised" or not done:
            continue
        result = _merged(done)
        alone = _merged(row for row in rows if row.case == f"optimised, no reference: {optimiser}")
        nodes, new = sum(row.nodes for row in done), Score()
        for row in done:
            new.merge(row.new)
        untagged = result.by_source.get("none", Score()).nodes
        lines.append(
            [
                optimiser,
                str(len(done)),
                str(nodes),
                str(sum(row.tags_left or 0 for row in done)),
                str(result.total.nodes - untagged),
                _percent(result.total.share),
                _share_of(new),
                _percent(alone.total.share),
                str(result.without_truth),
            ]
        )
    head = [
        "optimiser",
        "models",
        "nodes",
        "tags left",
        "restored",
        "exact",
        "of new nodes",
        "exact, no reference",
        "no truth",
    ]
    return ["## Optimisers", _table(head, lines)] if lines else []


def _by_model(rows: Sequence[Row]) -> str:
    cases = list(_group(rows, _kind))
    lines: list[list[str]] = []
    for (model, engine), group in _group(rows, lambda row: (row.model, row.engine)).items():
        by_case = _group(group, _kind)
        cells = [_share_and_f1(_merged(by_case[case])) if case in by_case else "" for case in cases]
        lines.append([model, engine, str(max(row.nodes for row in group)), *cells])
    return _table(["model", "engine", "nodes", *cases], lines)


def _share_and_f1(result: Breakdown) -> str:
    return f"{_percent(result.total.share)} ({_percent(result.total.mean_f1)})" if result.total.nodes else ""


def _group(rows: Iterable[Row], key: Callable[[Row], _Key]) -> dict[_Key, list[Row]]:
    groups: dict[_Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _merged(rows: Iterable[Row]) -> Breakdown:
    result = Breakdown()
    for row in rows:
        result.merge(row.result)
    return result


def _baselines(rows: Iterable[Row]) -> dict[str, Score]:
    merged: dict[str, Score] = {}
    for row in rows:
        for name, score in row.baselines.items():
            merged.setdefault(name, Score()).merge(score)
    return merged


def _share_of(score: Score) -> str:
    return f"{_percent(score.share)} of {score.nodes}" if score.nodes else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:160]


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))


def to_json(rows: Sequence[Row], missing: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Return all results, including mistakes, as a JSON-serialisable dictionary."""
    return {
        "format": _FORMAT,
        "rows": [_row_to_json(row) for row in rows],
        "missing": [{"model": m, "engine": e, "reason": r} for m, e, r in missing],
    }


def _row_to_json(row: Row) -> dict[str, Any]:
    return {
        "model": row.model,
        "engine": row.engine,
        "case": row.case,
        "nodes": row.nodes,
        "total": _score_to_json(row.result.total),
        "by_source": {k: _score_to_json(v) for k, v in row.result.by_source.items()},
        "by_confidence": {k: _score_to_json(v) for k, v in row.result.by_confidence.items()},
        "inherited_by_confidence": {k: _score_to_json(v) for k, v in row.result.inherited_by_confidence.items()},
        "without_truth": row.result.without_truth,
        "baselines": {k: _score_to_json(v) for k, v in row.baselines.items()},
        "serves": _score_to_json(row.serves),
        "new": _score_to_json(row.new),
        "tags_left": row.tags_left,
        "note": row.note,
        "mistakes": [
            [m.position, m.node, m.op_type, m.truth, m.answer.scope, m.answer.source, m.answer.confidence]
            for m in row.mistakes
        ],
    }


def _score_to_json(score: Score) -> dict[str, float]:
    return {"nodes": score.nodes, "exact": score.exact, "f1": round(score.f1, 4)}

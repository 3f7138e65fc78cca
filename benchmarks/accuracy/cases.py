"""The cases: what each hides of a model, and how hpass and the simple methods do on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx

from . import baselines, hide, subject
from .optimised_truth import optimised_truth
from .optimisers import OPTIMISERS
from .scopes import nearest_called
from .score import Answer, Breakdown, Score, breakdown
from .serves import serves_truth

if TYPE_CHECKING:
    from .corpus import Entry

CASES = ("names", "modules", "metadata", "aux", "random", "stripped", "optimised")


@dataclass(frozen=True)
class Mistake:
    """A node that got a wrong module, for whoever looks into it."""

    position: int
    node: str
    op_type: str
    truth: str
    answer: Answer


@dataclass(frozen=True)
class Row:
    """The result of one case on one exported model."""

    model: str
    engine: str
    case: str
    result: Breakdown
    baselines: Mapping[str, Score] = field(default_factory=dict)
    serves: Score = field(default_factory=Score)
    """How `hpass.serves` (where absent: the scope) does on the auxiliary operations that ran at the root."""
    nodes: int = 0
    """All nodes of the main graph, hidden or not."""
    new: Score = field(default_factory=Score)
    """The score of those that an optimiser put there: fused, inserted, quantised."""
    tags_left: int | None = None
    """How many of them still had a tag when an optimiser was through."""
    mistakes: Sequence[Mistake] = ()
    note: str = ""
    """Why there is no result, if there is none."""


@dataclass(frozen=True)
class _Question:
    """A model whose nodes at some positions are to be named."""

    case: str
    model: onnx.ModelProto
    positions: Sequence[int]
    modules: Path | None = None
    """A module table to help."""


def run(entry: Entry, cases: Sequence[str]) -> Iterator[Row]:
    """Run cases on one exported model; a case that does not apply to the engine gives no row."""
    equal = hide.equal_parameters(entry.proto, entry.owners)
    if equal:
        raise RuntimeError(f"{entry.folder}: parameters with equal content: {equal[:3]}")
    for case in cases:
        yield from _RUNNERS[case](entry)


def _names(entry: Entry) -> Iterator[Row]:
    if entry.engine != "current":
        question = _Question("names", entry.proto, range(len(entry.truth)))
        yield _ask(entry, question, {"split name": baselines.split_name(entry.proto)})


def _modules(entry: Entry) -> Iterator[Row]:
    if entry.engine != "current":
        yield _ask(entry, _Question("modules", entry.proto, range(len(entry.truth)), entry.modules_file))


def _metadata(entry: Entry) -> Iterator[Row]:
    if entry.engine == "current":
        yield _ask(entry, _Question("metadata", entry.proto, range(len(entry.truth))))


def _hidden(case: str, choose: hide.Chooser) -> Callable[[Entry], Iterator[Row]]:
    def run_case(entry: Entry) -> Iterator[Row]:
        positions = choose(entry.proto, entry.folder.name)
        hidden, asked = _hide(entry, positions), set(positions)
        visible = {i: scope for i, scope in enumerate(entry.truth) if scope is not None and i not in asked}
        yield _ask(entry, _Question(case, hidden, positions), _simple(entry, hidden, visible))

    return run_case


def _stripped(entry: Entry) -> Iterator[Row]:
    positions = hide.everything(entry.proto, "")
    hidden = _hide(entry, positions, entry.owners)
    visible = baselines.parameter_owners(hidden, entry.owners)
    yield _ask(entry, _Question("stripped", hidden, positions), _simple(entry, hidden, visible))
    yield _ask(entry, _Question("stripped, modules", hidden, positions, entry.modules_file))


def _hide(entry: Entry, positions: list[int], owners: set[str] | None = None) -> onnx.ModelProto:
    hidden = hide.hide(entry.proto, positions, owners)
    leaks = hide.leaks(entry.proto, hidden, positions)
    if leaks:
        raise RuntimeError(f"{entry.folder}: not hidden: {sorted(leaks)[:5]}")
    return hidden


def _simple(entry: Entry, model: onnx.ModelProto, visible: baselines.Labels) -> dict[str, Sequence[str]]:
    return {
        "root": baselines.root(model, visible),
        "consumers": baselines.consumers(model, visible),
        "emission order": baselines.emission_order(model, visible),
        "named": baselines.named(entry.truth, model, visible),
    }


def _ask(entry: Entry, question: _Question, simple: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Row:
    positions = question.positions
    answers, note = _answers(question.model, modules=question.modules)
    scored = [i for i in positions if entry.truth[i] is not None]
    scores = {name: Score() for name in simple}
    for name, labels in simple.items():
        for i in scored:
            scores[name].add(str(entry.truth[i]), labels[i])
    return Row(
        entry.model,
        entry.engine,
        question.case,
        breakdown(entry.truth, answers, positions),
        scores,
        _score_serves(entry, answers, positions),
        nodes=len(entry.truth),
        mistakes=list(_mistakes(entry.proto, entry.truth, answers, positions)),
        note=note,
    )


def _score_serves(entry: Entry, answers: Sequence[Answer], positions: Sequence[int]) -> Score:
    score = Score()
    for i, served in serves_truth(entry.proto, entry.truth, hide.auxiliary(entry.proto, ""), entry.called).items():
        if i in positions:
            answer = answers[i]
            score.add(served, answer.scope if answer.serves is None else answer.serves)
    return score


def _answers(
    model: onnx.ModelProto, *, modules: Path | None = None, reference: Path | None = None
) -> tuple[list[Answer], str]:
    try:
        return subject.answers(subject.tag(model, modules=modules, reference=reference)), ""
    except Exception as error:  # noqa: BLE001, whatever goes wrong in hpass is a result: no node is right
        return [Answer(None, "none", "none")] * len(model.graph.node), f"{type(error).__name__}: {error}"


def _mistakes(
    model: onnx.ModelProto, truth: Sequence[str | None], answers: Sequence[Answer], positions: Sequence[int]
) -> Iterator[Mistake]:
    for i in positions:
        expected = truth[i]
        if expected is not None and answers[i].scope != expected:
            node = model.graph.node[i]
            yield Mistake(i, node.name, node.op_type, expected, answers[i])


def _optimised(entry: Entry) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.onnx"
        reference.write_bytes(subject.tag(entry.proto, modules=entry.modules_file).SerializeToString())
        for optimiser in OPTIMISERS:
            made = entry.optimised(optimiser)
            if isinstance(made, str):
                yield Row(entry.model, entry.engine, f"optimised: {optimiser}", Breakdown(), note=made)
                continue
            model, tags_left = made
            found = optimised_truth(entry.proto, entry.truth, model)
            truth = [None if node.scope is None else nearest_called(node.scope, entry.called) for node in found]
            new = [i for i, node in enumerate(found) if node.new]
            for case, path in (("optimised", reference), ("optimised, no reference", None)):
                answers, note = _answers(model, reference=path)
                positions = range(len(truth))
                yield Row(
                    entry.model,
                    entry.engine,
                    f"{case}: {optimiser}",
                    breakdown(truth, answers, positions),
                    nodes=len(truth),
                    new=breakdown(truth, answers, new).total,
                    tags_left=tags_left,
                    mistakes=list(_mistakes(model, truth, answers, positions)),
                    note=note,
                )


_RUNNERS: Mapping[str, Callable[[Entry], Iterator[Row]]] = {
    "names": _names,
    "modules": _modules,
    "metadata": _metadata,
    "aux": _hidden("aux", hide.auxiliary),
    "random": _hidden("random", hide.random_share),
    "stripped": _stripped,
    "optimised": _optimised,
}

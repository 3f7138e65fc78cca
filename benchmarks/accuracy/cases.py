"""The cases: each hides part of a model's evidence and scores hpass and the baselines on it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx

from . import baselines, hide, subject, zoo_packages, zoo_random
from .optimised_truth import optimised_truth
from .optimisers import OPTIMISERS
from .scopes import nearest_called
from .score import Answer, Breakdown, Score, breakdown
from .serves import serves_truth
from .shorter import shorter

if TYPE_CHECKING:
    from .corpus import Entry

CASES = ("names", "modules", "metadata", "aux", "random", "stripped", "optimised", "anonymous")


@dataclass(frozen=True)
class Mistake:
    """A node whose predicted module is wrong."""

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
    """The score of `hpass.serves` (of the scope if it is absent) on auxiliary operations that ran at the root."""
    nodes: int = 0
    """The number of nodes of the main graph, hidden and visible."""
    new: Score = field(default_factory=Score)
    """The score on the nodes that an optimiser created: fused, inserted or quantised nodes."""
    tags_left: int | None = None
    """The number of nodes that still had a tag after the optimiser."""
    mistakes: Sequence[Mistake] = ()
    note: str = ""
    """The reason if there is no result."""


@dataclass(frozen=True)
class _Task:
    """A model and the positions of the nodes to predict."""

    case: str
    model: onnx.ModelProto
    positions: Sequence[int]
    modules: Path | None = None
    """The file of a module table for `--modules`."""


def run(entry: Entry, cases: Sequence[str]) -> Iterator[Row]:
    """Run cases on one exported model. A case that does not apply to the engine gives no row."""
    equal = hide.equal_parameters(entry.proto, entry.owners)
    may_be_equal = zoo_packages.is_of_a_package(entry.model) or zoo_random.is_random(entry.model)
    if equal and not may_be_equal:
        raise RuntimeError(f"{entry.folder}: parameters with equal content: {equal[:3]}")
    for case in cases:
        yield from _RUNNERS[case](entry)


def _run_names(entry: Entry) -> Iterator[Row]:
    if entry.engine != "current":
        task = _Task("names", entry.proto, range(len(entry.truth)))
        yield _run_task(entry, task, {"split name": baselines.split_name(entry.proto)})


def _run_modules(entry: Entry) -> Iterator[Row]:
    if entry.engine != "current":
        yield _run_task(entry, _Task("modules", entry.proto, range(len(entry.truth)), entry.modules_file))


def _run_metadata(entry: Entry) -> Iterator[Row]:
    if entry.engine == "current":
        yield _run_task(entry, _Task("metadata", entry.proto, range(len(entry.truth))))


def _case_runner(case: str, choose: hide.NodeSelector) -> Callable[[Entry], Iterator[Row]]:
    def run_case(entry: Entry) -> Iterator[Row]:
        positions = choose(entry.proto, entry.folder.name)
        hidden, asked = _hide(entry, positions), set(positions)
        visible = {i: scope for i, scope in enumerate(entry.truth) if scope is not None and i not in asked}
        yield _run_task(entry, _Task(case, hidden, positions), _label_with_baselines(entry, hidden, visible))

    return run_case


def _run_stripped(entry: Entry) -> Iterator[Row]:
    positions = hide.all_nodes(entry.proto, "")
    hidden = _hide(entry, positions, entry.owners)
    visible = baselines.parameter_owners(hidden, entry.owners)
    yield _run_task(entry, _Task("stripped", hidden, positions), _label_with_baselines(entry, hidden, visible))
    yield _run_task(entry, _Task("stripped, modules", hidden, positions, entry.modules_file))


def _hide(entry: Entry, positions: list[int], owners: set[str] | None = None) -> onnx.ModelProto:
    hidden = hide.hide(entry.proto, positions, owners)
    leaks = hide.leaks(entry.proto, hidden, positions)
    if leaks:
        raise RuntimeError(f"{entry.folder}: not hidden: {sorted(leaks)[:5]}")
    return hidden


def _label_with_baselines(entry: Entry, model: onnx.ModelProto, visible: baselines.Labels) -> dict[str, Sequence[str]]:
    return {
        "root": baselines.root(model, visible),
        "consumers": baselines.consumers(model, visible),
        "emission order": baselines.emission_order(model, visible),
        "named": baselines.named(entry.truth, model, visible),
    }


def _run_task(entry: Entry, task: _Task, baseline_labels: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Row:
    positions = task.positions
    answers, note = _answers(task.model, modules=task.modules)
    scored = [i for i in positions if entry.truth[i] is not None]
    scores = {name: Score() for name in baseline_labels}
    for name, labels in baseline_labels.items():
        for i in scored:
            scores[name].add(str(entry.truth[i]), labels[i])
    return Row(
        entry.model,
        entry.engine,
        task.case,
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
    except Exception as error:  # noqa: BLE001, an error of hpass is a result: no node is right
        return [Answer(None, "none", "none")] * len(model.graph.node), f"{type(error).__name__}: {error}"


def _mistakes(
    model: onnx.ModelProto, truth: Sequence[str | None], answers: Sequence[Answer], positions: Sequence[int]
) -> Iterator[Mistake]:
    for i in positions:
        expected = truth[i]
        if expected is not None and answers[i].scope != expected:
            node = model.graph.node[i]
            yield Mistake(i, node.name, node.op_type, expected, answers[i])


def _run_optimised(entry: Entry) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.onnx"
        reference.write_bytes(subject.tag(entry.proto, modules=entry.modules_file).SerializeToString())
        for optimiser in OPTIMISERS:
            result = entry.optimised(optimiser)
            if isinstance(result, str):
                yield Row(entry.model, entry.engine, f"optimised: {optimiser}", Breakdown(), note=result)
                continue
            model, tags_left = result
            node_truths = optimised_truth(entry.proto, entry.truth, model)
            truth = [None if node.scope is None else nearest_called(node.scope, entry.called) for node in node_truths]
            new = [i for i, node in enumerate(node_truths) if node.new]
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


def _run_anonymous(entry: Entry) -> Iterator[Row]:
    other_engine = _OTHER_EXPORTERS.get(entry.engine, "")
    reference, wrong = entry.export_by(other_engine), entry.export_of_another_model(other_engine)
    if reference is None:
        return
    hidden = hide.anonymous(entry.proto)
    leaks = hide.leaks(entry.proto, hidden, range(len(entry.truth)))
    if leaks:
        raise RuntimeError(f"{entry.folder}: not hidden: {sorted(leaks)[:5]}")
    yield from _anonymous_rows(entry, hidden, reference, "same weights")
    hide.replace_weights(hidden)
    yield from _anonymous_rows(entry, hidden, reference, "other weights")
    yield from _fewer_layers_rows(entry, hidden, reference)
    if wrong is not None:
        yield from _anonymous_rows(entry, hidden, wrong, "wrong reference")


def _anonymous_rows(entry: Entry, hidden: onnx.ModelProto, reference: Entry, kind: str) -> Iterator[Row]:
    """Yield a row for the operations that compute values, and one for the auxiliary ones."""
    answers = _answers_by_reference(hidden, reference.proto, reference.modules_file)
    auxiliary = set(hide.auxiliary(entry.proto, ""))
    named = {scope for scope in reference.truth if scope is not None}
    for case, positions in (
        (f"anonymous, {kind}", [i for i in range(len(entry.truth)) if i not in auxiliary]),
        (f"anonymous, {kind}, auxiliary", sorted(auxiliary)),
    ):
        yield _anonymous_row(entry, case, positions, answers, named)


def _fewer_layers_rows(entry: Entry, hidden: onnx.ModelProto, reference: Entry) -> Iterator[Row]:
    """Yield a row for the nodes of modules that a shorter reference has whole, and one for the others."""
    cut = shorter(reference.proto, reference.truth, reference.modules)
    with tempfile.TemporaryDirectory() as folder:
        modules = Path(folder) / "modules.json"
        modules.write_text(json.dumps({"version": 1, "modules": cut.modules}), encoding="utf-8")
        answers = _answers_by_reference(hidden, cut.model, modules)
    shared = [i for i, scope in enumerate(entry.truth) if scope in cut.whole]
    others = [i for i, scope in enumerate(entry.truth) if scope not in cut.whole]
    yield _anonymous_row(entry, "anonymous, fewer layers", shared, answers, cut.whole)
    yield _anonymous_row(entry, "anonymous, fewer layers, the others", others, answers, cut.modules)


def _answers_by_reference(
    hidden: onnx.ModelProto, reference: onnx.ModelProto, modules: Path
) -> tuple[list[Answer], str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.onnx"
        path.write_bytes(subject.tag(reference, modules=modules).SerializeToString())
        return _answers(hidden, reference=path)


def _anonymous_row(
    entry: Entry, case: str, positions: Sequence[int], found: tuple[list[Answer], str], named: Container[str]
) -> Row:
    answers, note = found
    limit = Score()
    for i in positions:
        scope = entry.truth[i]
        if scope is not None:
            limit.add(scope, scope if scope in named else None)
    return Row(
        entry.model,
        entry.engine,
        case,
        breakdown(entry.truth, answers, positions),
        {"named": limit},
        nodes=len(entry.truth),
        mistakes=list(_mistakes(entry.proto, entry.truth, answers, positions)),
        note=note,
    )


_OTHER_EXPORTERS = {"current": "torchscript", "torchscript": "current"}
_RUNNERS: Mapping[str, Callable[[Entry], Iterator[Row]]] = {
    "names": _run_names,
    "modules": _run_modules,
    "metadata": _run_metadata,
    "aux": _case_runner("aux", hide.auxiliary),
    "random": _case_runner("random", hide.random_share),
    "stripped": _run_stripped,
    "optimised": _run_optimised,
    "anonymous": _run_anonymous,
}

"""Fits the weights of inference: `python -m training.fit --cache FOLDER --out inference/weights.json`.

Each unknown node is a choice among its candidate modules (inference/candidates.py). How likely a candidate is depends
on its features, scored by a small network (inference/scoring_model.py): a conditional logit (McFadden 1974) with a
hidden layer, fitted by maximum likelihood with an L2 penalty. Inference works in rounds, each of which starts from the
assignment of the round before, so the rounds are fitted one after the other. There are two regimes: in `dense` much is
known (the benchmark's cases aux and random), in `sparse` little (stripped, with and without a module table).

The benchmark's chosen models are used, and those of the wide set that are not held out. Accuracy and calibration are
cross-validated: they are measured on models that the weights they are measured with have not seen. The weights that are
written are fitted on all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import hpass
from benchmarks.accuracy import corpus, hide
from hpass.inference import predict
from hpass.inference.arrays import Floats as Matrix
from hpass.inference.class_statistics import OTHER_CLASS, ClassStatistics, torch_class
from hpass.inference.dataflow import Role
from hpass.inference.feature_context import FeatureContext
from hpass.inference.features import FEATURES, feature_matrix
from hpass.inference.node_features import NODE_FEATURES, node_feature_matrix
from hpass.inference.problem import InferenceProblem, build_problem
from hpass.inference.scoring_model import Network, ScoringModel, TrainingStatistics

FORMAT_VERSION = 3
ROUNDS = 2
HIDDEN = 16
PENALTY, LEARNING_RATE, EPOCHS, BATCHES = 2e-4, 0.02, 25, 12
# Which share of a region's nodes must be known by more than their parameters for the dense regime.
LEAST_NAMED = 0.1
# What `high` promises, with a margin for models that are not like these; one that holds for fewer answers than this
# share is none. `medium` promises nothing: it parts the likely from the rest.
HIGH_PRECISION, LEAST_HIGH = 0.9925, 0.1
MEDIUM = {"dense": 0.8, "sparse": 0.9}
THRESHOLDS = (
    0.5,
    0.6,
    0.7,
    0.8,
    0.85,
    0.9,
    0.92,
    0.94,
    0.95,
    0.96,
    0.97,
    0.975,
    0.98,
    0.985,
    0.99,
    0.993,
    0.995,
    0.997,
    0.999,
)
# A class of PyTorch's own that fewer models have says too little.
LEAST_MODELS = 3
# Larger models would take most of the time.
MOST_NODES = 2600

# A truth of these numbers is no module of the tree, or is not known at all.
ELSEWHERE, NO_TRUTH = -3, -2


class Case(NamedTuple):
    """What of a model is hidden, whether names of all but parameters are, too, and whether a module table helps."""

    name: str
    choose: hide.Chooser
    strip: bool = False
    modules: bool = False


WITH_TABLE = Case("stripped, modules", hide.everything, strip=True, modules=True)
REGIMES: Mapping[str, tuple[Case, ...]] = {
    "dense": (Case("aux", hide.auxiliary), Case("random", hide.random_share)),
    "sparse": (Case("stripped", hide.everything, strip=True), WITH_TABLE),
}


@dataclass(frozen=True, eq=False)
class Problem:
    """The main graph of a model of which a case hid something, and the true module of each node, by its number."""

    model: str
    case: str
    region: InferenceProblem
    truth: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choices:
    """The candidates of the nodes of a problem: rows of evidence, and of circumstances for each node of the region.

    `node` and `group` are the node of each row and its place among the unknown ones, `right` the row of each unknown
    node's true module, or -1; `weight` is what a node counts.
    """

    evidence: npt.NDArray[np.float32]
    circumstances: npt.NDArray[np.float32]
    role: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    weight: float


class Batch(NamedTuple):
    """Choices of several problems in one."""

    evidence: torch.Tensor
    circumstances: torch.Tensor
    role: torch.Tensor
    group: torch.Tensor
    right: torch.Tensor
    weight: torch.Tensor


class Answers(NamedTuple):
    """How likely inference found its answers for the nodes of a case, and which were right."""

    probability: Matrix
    right: npt.NDArray[np.bool_]


def problems(entry: corpus.Entry, cases: Sequence[Case]) -> Iterator[Problem]:
    """Yield the problem of every case that has something to infer, and something to infer it from."""
    if len(entry.truth) > MOST_NODES:
        return
    for case in cases:
        positions = case.choose(entry.proto, entry.folder.name)
        hidden = hide.hide(entry.proto, positions, entry.owners if case.strip else None)
        run = hpass.run(hidden, "scope-parse,module-mapping", modules=entry.modules_file if case.modules else None)
        region, around = run.context.regions()[0], ""
        tags = [run.context.tags.get(node) for node in region.graph.nodes]
        question = build_problem(region, around, tags, run.context.table, run.context.evidence.parameter_uses.owners())
        known = question.is_known
        if known.any() and not known.all():
            truth = np.array([_number(entry.truth[at], question) for at in question.file_position], np.int64)
            question.flow.release_nodes()
            yield Problem(entry.model, case.name, question, truth)


def _number(scope: str | None, region: InferenceProblem) -> int:
    if scope is None:
        return NO_TRUTH
    number = region.tree.id(scope)
    return ELSEWHERE if number is None else number


def lessons(data: Sequence[Problem]) -> TrainingStatistics:
    """Return what is counted before any weighing."""
    return TrainingStatistics(_crossing(data), _class_operators(data))


def _crossing(data: Sequence[Problem]) -> Matrix:
    """Return the weights of a logistic regression: whether calls climb, and whether they descend, at a boundary."""
    seen: list[Matrix] = []
    crossed: list[Matrix] = []
    weight: list[Matrix] = []
    for problem in data:
        region, tree = problem.region, problem.region.tree
        ends = np.concatenate(([region.region_scope], problem.truth, [region.region_scope]))
        before, after = ends[:-1], ends[1:]
        asked = np.zeros(len(before), np.bool_)
        for gap in region.gaps:
            asked[gap.start : gap.stop + 1] = True
        asked &= (before >= 0) & (after >= 0)
        common = tree.lca(np.maximum(before, 0), np.maximum(after, 0))
        seen.append(region.boundary_features[asked])
        crossed.append(np.stack([common != before, common != after], 1)[asked].astype(float))
        weight.append(np.full((int(asked.sum()), 1), _node_weight(int(asked.sum()))))
    rows, truth, counts = (torch.from_numpy(np.concatenate(parts)).float() for parts in (seen, crossed, weight))
    weights = torch.zeros(rows.shape[1], 2, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(rows @ weights, truth, reduction="none")
        total = (counts * losses).sum() / counts.sum() + 1e-4 * (weights**2).sum()
        total.backward()
        return total

    optimiser.step(loss)
    return weights.detach().numpy().astype(float)


def _class_operators(data: Sequence[Problem]) -> ClassStatistics:
    modules: Counter[str] = Counter()
    nodes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    models: defaultdict[str, set[str]] = defaultdict(set)
    for problem in data:
        if problem.case != WITH_TABLE.name:
            continue
        tree = problem.region.tree
        classes = [torch_class(name) for name in tree.classes]
        names = [classes[number] for number in tree.class_id]
        for name in names:
            if name is not None:
                modules[name] += 1
                models[name].add(problem.model)
        for operator, module in zip(problem.region.flow.ops, problem.truth.tolist(), strict=True):
            name = names[module] if module >= 0 else None
            if name is not None:
                nodes[name][operator] += 1
    public = [name for name in modules if name == OTHER_CLASS or hasattr(torch.nn, name)]
    common = sorted(name for name in public if len(models[name]) >= LEAST_MODELS)
    return ClassStatistics(
        {name: modules[name] for name in common}, {name: dict(sorted(nodes[name].items())) for name in common}
    )


def fit(data: Sequence[Problem], learnt: TrainingStatistics) -> list[Network]:
    """Return the network of each round, fitted on these problems."""
    guesses = [predict.initial_assignment(problem.region) for problem in data]
    networks: list[Network] = []
    for number in range(ROUNDS):
        questions = [
            predict.build_context(problem.region, guess, learnt) for problem, guess in zip(data, guesses, strict=True)
        ]
        choices = [_choices(question, problem.truth) for question, problem in zip(questions, data, strict=True)]
        networks.append(_fit_round([part for part in choices if (part.right >= 0).any()]))
        if number + 1 < ROUNDS:
            guesses = [predict.update(question, networks[-1].scores(question)) for question in questions]
    return networks


def _choices(question: FeatureContext, truth: npt.NDArray[np.int64]) -> Choices:
    node, group = question.node, question.candidates.node_index
    right = np.full(len(question.candidates.starts), -1, np.int64)
    hits = np.flatnonzero(question.scope == truth[node])
    right[group[hits]] = hits
    return Choices(
        feature_matrix(question).astype(np.float32),
        node_feature_matrix(question)[node],
        question.problem.flow.role[node],
        group,
        right,
        _node_weight(int((right >= 0).sum())),
    )


def _node_weight(count: int) -> float:
    """Return what a node counts: a large model counts more than a small one, but not in proportion."""
    return 1.0 / float(np.sqrt(max(1, count)))


def _fit_round(data: Sequence[Choices]) -> Network:
    batches = [_joined(data[start::BATCHES]) for start in range(min(BATCHES, len(data)))]
    usual = sum(float(batch.weight.sum()) for batch in batches) / len(batches)
    kinds, settings = len(FEATURES), len(NODE_FEATURES)
    start = torch.randn(HIDDEN, kinds + settings) / np.sqrt(kinds)
    network = {
        "skip": torch.zeros(len(Role), kinds),
        "w_feature": start[:, :kinds].clone(),
        "w_node": start[:, kinds:].clone(),
        "bias": torch.zeros(HIDDEN),
        "w_out": 0.05 * torch.randn(HIDDEN),
    }
    for part in network.values():
        part.requires_grad_()
    optimiser = torch.optim.Adam(network.values(), lr=LEARNING_RATE)
    pace = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * len(batches))
    for _ in range(EPOCHS):
        for batch in batches:
            optimiser.zero_grad()
            penalty = sum(((part**2).sum() for part in network.values()), torch.zeros(()))
            loss = PENALTY * penalty - (batch.weight * _likelihood(network, batch)).sum() / usual
            loss.backward()
            optimiser.step()
            pace.step()
    return Network(**{name: np.round(part.detach().numpy().astype(float), 3) for name, part in network.items()})


def _likelihood(network: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
    """Return the logarithm of the probability of the right row of each node."""
    mixed = batch.evidence @ network["w_feature"].T + batch.circumstances @ network["w_node"].T + network["bias"]
    scores = (network["skip"][batch.role] * batch.evidence).sum(1) + torch.tanh(mixed) @ network["w_out"]
    top = torch.full((len(batch.right),), -torch.inf).scatter_reduce(0, batch.group, scores.detach(), "amax")
    mass = torch.zeros(len(batch.right)).index_add(0, batch.group, torch.exp(scores - top[batch.group]))
    return scores[batch.right] - top - torch.log(mass)


def _joined(parts: Sequence[Choices]) -> Batch:
    """Return the choices of nodes whose true module is a candidate."""
    rights = [part.right >= 0 for part in parts]
    rows = [right[part.group] for part, right in zip(parts, rights, strict=True)]
    groups = [(np.cumsum(right) - 1)[part.group[row]] for part, right, row in zip(parts, rights, rows, strict=True)]
    places = [(np.cumsum(row) - 1)[part.right[right]] for part, right, row in zip(parts, rights, rows, strict=True)]
    sizes = [int(right.sum()) for right in rights]
    return Batch(
        torch.from_numpy(np.concatenate([part.evidence[row] for part, row in zip(parts, rows, strict=True)])),
        torch.from_numpy(np.concatenate([part.circumstances[row] for part, row in zip(parts, rows, strict=True)])),
        torch.from_numpy(np.concatenate([part.role[row] for part, row in zip(parts, rows, strict=True)])),
        _offset(groups, sizes),
        _offset(places, [int(row.sum()) for row in rows]),
        torch.from_numpy(np.repeat([part.weight for part in parts], sizes)).float(),
    )


def _offset(parts: Sequence[npt.NDArray[np.int64]], sizes: Sequence[int]) -> torch.Tensor:
    """Return numbers of several problems as numbers of all of them together."""
    offsets = np.cumsum([0, *sizes[:-1]])
    return torch.from_numpy(np.concatenate([part + offset for part, offset in zip(parts, offsets, strict=True)]))


def cross_validated(data: Mapping[str, Sequence[Problem]], folds: int) -> dict[str, dict[str, Answers]]:
    """Return the answers of each regime and case, each model's by weights that were fitted without it."""
    found: dict[str, dict[str, list[Answers]]] = {regime: defaultdict(list) for regime in data}
    models = sorted({problem.model for part in data.values() for problem in part})
    for fold in range(folds):
        unseen = set(models[fold::folds])
        seen = {regime: [problem for problem in part if problem.model not in unseen] for regime, part in data.items()}
        learnt = lessons([problem for part in seen.values() for problem in part])
        for regime, part in data.items():
            weighting = ScoringModel(fit(seen[regime], learnt), learnt, None, 1.0)
            for problem in (problem for problem in part if problem.model in unseen):
                found[regime][problem.case].append(_answers(problem, weighting))
    return {
        regime: {case: Answers(*map(np.concatenate, zip(*parts, strict=True))) for case, parts in cases.items()}
        for regime, cases in found.items()
    }


def _answers(problem: Problem, weighting: ScoringModel) -> Answers:
    placement = predict.predict(problem.region, weighting)
    truth = problem.truth[placement.node]
    scored = truth != NO_TRUTH
    return Answers(placement.probability[scored], (placement.scope == truth)[scored])


def least_probability(answers: Iterable[Answers], precision: float, share: float) -> float | None:
    """Return the least threshold from which on answers are right so often in every case; None where too few are."""
    parts = list(answers)
    for threshold in THRESHOLDS:
        kept = [(part.right[part.probability >= threshold], len(part.right)) for part in parts]
        if all(len(right) and right.mean() >= precision and len(right) >= share * total for right, total in kept):
            return threshold
    return None


def calibration(case: str, answers: Answers) -> Iterator[str]:
    """Yield the lines of a table: how many answers are at least so likely, and how many of those are right."""
    yield f"{case}: {len(answers.right):,} nodes, {answers.right.mean():.2%} right"
    for threshold in THRESHOLDS:
        kept = answers.right[answers.probability >= threshold]
        if len(kept):
            yield f"  p >= {threshold:<6} {len(kept) / len(answers.right):7.1%} of the nodes, {kept.mean():.2%} right"


def fitted(data: Mapping[str, Sequence[Problem]], folds: int, say: Callable[[str], object]) -> dict[str, Any]:
    """Return what stands in weights.json: lessons, and the weights and thresholds of each regime."""
    answers = cross_validated(data, folds)
    learnt = lessons([problem for part in data.values() for problem in part])
    found: dict[str, Any] = {
        "transition_coefficients": np.round(learnt.transition_coefficients, 3).tolist(),
        "classes": {"modules": learnt.class_statistics.modules, "nodes": learnt.class_statistics.nodes},
    }
    for regime, part in data.items():
        say(f"{regime}: {len(part)} problems, cross-validated over {folds} folds of models\n")
        for case, cell in answers[regime].items():
            say("\n".join(calibration(case, cell)) + "\n")
        high = least_probability(answers[regime].values(), HIGH_PRECISION, LEAST_HIGH)
        say(f"high {high}, medium {MEDIUM[regime]}\n\n")
        found[regime] = {
            "high": high,
            "medium": MEDIUM[regime],
            "rounds": [
                {field.name: getattr(network, field.name).tolist() for field in fields(network)}
                for network in fit(part, learnt)
            ],
        }
    return found


def dumps(data: Any, indent: str = "") -> str:
    """Return JSON with a line for each row of a matrix, so that a new fit can be compared with the last."""
    inner = indent + " "
    if isinstance(data, dict) and any(not isinstance(value, int) for value in data.values()):
        items = (f"{inner}{json.dumps(key)}: {dumps(value, inner)}" for key, value in data.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(data, list) and data and not isinstance(data[0], float):
        return "[\n" + ",\n".join(inner + dumps(item, inner) for item in data) + f"\n{indent}]"
    return json.dumps(data)


def main() -> None:
    """Fit, report, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m training.fit", description="Fit the weights of inference.")
    parser.add_argument("--cache", type=Path, required=True, help="folder of exported models (benchmarks.accuracy)")
    parser.add_argument("--folds", type=int, default=3, help="folds of the cross-validation, at least 2")
    parser.add_argument("--out", type=Path, help="where to write the weights; without it nothing is written")
    arguments = parser.parse_args()
    if arguments.folds < 2:  # noqa: PLR2004
        parser.error("--folds: one fold leaves no model to fit on")
    from benchmarks.accuracy import zoo_wide
    from benchmarks.accuracy.export import CHOSEN

    names = (*CHOSEN, *zoo_wide.names(held_out=False))
    found: dict[str, list[Problem]] = {regime: [] for regime in REGIMES}
    # One by one: all models together are large.
    for entry in corpus.entries(arguments.cache, names, corpus.ENGINES):
        for regime, cases in REGIMES.items():
            found[regime].extend(problems(entry, cases))
    if not all(found.values()):
        sys.exit(f"{arguments.cache}: holds no model to fit on; `python -m benchmarks.accuracy` exports them")
    torch.manual_seed(0)
    data = {
        "version": FORMAT_VERSION,
        "features": list(FEATURES),
        "node_features": list(NODE_FEATURES),
        "roles": [role.name.lower() for role in Role],
        "least_named": LEAST_NAMED,
        **fitted(found, arguments.folds, sys.stdout.write),
    }
    if arguments.out is not None:
        arguments.out.write_text(dumps(data) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

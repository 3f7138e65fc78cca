"""Fits the weights of inference: `python -m benchmarks.accuracy.fit --cache FOLDER --out inference/weights.json`.

Each unknown node is a choice among its candidate modules (inference/candidates.py). How likely a candidate is depends
on its evidence, weighed by the role of the node: a conditional logit (McFadden 1974), fitted by maximum likelihood
with an L2 penalty. Inference works in rounds, each asking with the guess of the round before, so the rounds are
fitted one after the other. There are two regimes: in `dense` much is known (the benchmark's cases aux and random), in
`sparse` little (stripped, with and without a module table).

Only the benchmark's tuning models are used. Accuracy and calibration are cross-validated: they are measured on models
that the weights they are measured with have not seen. The weights that are written are fitted on all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import hpass
from hpass.inference import infer
from hpass.inference.evidence import EVIDENCE, measure
from hpass.inference.flow import Role
from hpass.inference.weights import Weighting
from hpass.passes.calls import called_from
from hpass.passes.question import as_question

from . import corpus, hide

FORMAT_VERSION = 1
ROUNDS = 3
PENALTY = 0.15
ITERATIONS = 60
# Which share of a region's nodes must be known by more than their parameters for the dense regime.
LEAST_NAMED = 0.1
# What `high` promises, with a margin for models that are not like these; one that holds for fewer answers than this
# share is none. `medium` promises nothing: it parts the likely from the rest.
HIGH_PRECISION, LEAST_HIGH = 0.993, 0.3
MEDIUM = {"dense": 0.8, "sparse": 0.9}
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999)

# A truth of these numbers is no module of the tree, or is not known at all.
ELSEWHERE, NO_TRUTH = -3, -2

Matrix = npt.NDArray[np.float64]


class Case(NamedTuple):
    """What of a model is hidden, whether names of all but parameters are, too, and whether a module table helps."""

    name: str
    choose: hide.Chooser
    strip: bool = False
    modules: bool = False


REGIMES: Mapping[str, tuple[Case, ...]] = {
    "dense": (Case("aux", hide.auxiliary), Case("random", hide.random_share)),
    "sparse": (
        Case("stripped", hide.everything, strip=True),
        Case("stripped, modules", hide.everything, strip=True, modules=True),
    ),
}


@dataclass(frozen=True, eq=False)
class Problem:
    """The main graph of a model of which a case hid something, and the true module of each node, by its number."""

    model: str
    case: str
    region: infer.Region
    truth: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choices:
    """The candidates of the nodes of a problem whose true module is among them: rows of evidence.

    `group` numbers the node of each row, `right` is the row of each node's true module, `weight` what a node counts.
    """

    evidence: npt.NDArray[np.float32]
    role: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    weight: float


class Answers(NamedTuple):
    """How likely inference found its answers for the nodes of a case, and which were right."""

    probability: Matrix
    right: npt.NDArray[np.bool_]


def problems(entries: Iterable[corpus.Entry], cases: Sequence[Case]) -> Iterator[Problem]:
    """Yield every problem that has something to infer, and something to infer it from."""
    for entry in entries:
        for case in cases:
            hidden = hide.hide(
                entry.proto, case.choose(entry.proto, entry.folder.name), entry.owners if case.strip else None
            )
            run = hpass.run(hidden, "scope-parse,module-mapping", modules=entry.modules_file if case.modules else None)
            region, around = next(iter(called_from(run.context)))
            tags = [run.context.tag(node) for node in region.graph.nodes]
            question = as_question(region, around, tags, run.context)
            known = question.known >= 0
            if known.any() and not known.all():
                truth = np.array([_number(scope, question) for scope in entry.truth], np.int64)
                yield Problem(entry.model, case.name, question, truth)


def _number(scope: str | None, region: infer.Region) -> int:
    if scope is None:
        return NO_TRUTH
    number = region.tree.id(scope)
    return ELSEWHERE if number is None else number


def fit(data: Sequence[Problem]) -> list[Matrix]:
    """Return the weights of each round, fitted on these problems."""
    guesses = [infer.first_guess(problem.region) for problem in data]
    rounds: list[Matrix] = []
    for _ in range(ROUNDS):
        questions = [infer.ask(problem.region, guess) for problem, guess in zip(data, guesses, strict=True)]
        choices = [_choices(question, problem.truth) for question, problem in zip(questions, data, strict=True)]
        weights = _fit_round([part for part in choices if len(part.right)])
        guesses = [infer.improved(question, weights) for question in questions]
        rounds.append(weights)
    return rounds


def _choices(question: Any, truth: npt.NDArray[np.int64]) -> Choices:
    node, starts = question.node, question.candidates.starts
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(node))))
    right = np.full(len(starts), -1, np.int64)
    hits = np.flatnonzero(question.scope == truth[node])
    right[group[hits]] = hits
    has_right = right >= 0
    rows = has_right[group]
    renumbered, moved = np.cumsum(has_right) - 1, np.cumsum(rows) - 1
    # A large model counts more than a small one, but not in proportion.
    weight = 1.0 / np.sqrt(max(1, np.count_nonzero(has_right)))
    return Choices(
        measure(question)[rows].astype(np.float32),
        question.flow.role[node[rows]],
        renumbered[group[rows]],
        moved[right[has_right]],
        float(weight),
    )


def _fit_round(data: Sequence[Choices]) -> Matrix:
    evidence = torch.from_numpy(np.concatenate([part.evidence for part in data]))
    role = np.concatenate([part.role for part in data])
    sizes = [len(part.right) for part in data]
    group = _joined([part.group for part in data], sizes)
    right = _joined([part.right for part in data], [len(part.role) for part in data])
    weight = torch.from_numpy(np.repeat(np.array([part.weight for part in data], np.float32), sizes))
    rows = [torch.from_numpy(np.flatnonzero(role == number)) for number in range(len(Role))]
    parts = [evidence[index] for index in rows]
    weights = torch.zeros(len(Role), len(EVIDENCE), requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        scores = torch.zeros(len(evidence))
        for number, (index, part) in enumerate(zip(rows, parts, strict=True)):
            scores = scores.index_copy(0, index, part @ weights[number])
        top = torch.full((len(weight),), -torch.inf).scatter_reduce(0, group, scores.detach(), "amax")
        mass = torch.zeros(len(weight)).index_add(0, group, torch.exp(scores - top[group]))
        likelihood = scores[right] - top - torch.log(mass)
        total = (PENALTY * (weights**2).sum() - (weight * likelihood).sum()) / weight.sum()
        total.backward()
        return total

    optimiser.step(loss)
    return weights.detach().numpy().astype(float)


def _joined(parts: Sequence[npt.NDArray[np.int64]], sizes: Sequence[int]) -> torch.Tensor:
    """Return numbers of several problems as numbers of all of them together."""
    offsets = np.cumsum([0, *sizes[:-1]])
    return torch.from_numpy(np.concatenate([part + offset for part, offset in zip(parts, offsets, strict=True)]))


def cross_validated(data: Sequence[Problem], folds: int) -> dict[str, Answers]:
    """Return the answers of each case, each model's by weights that were fitted without it."""
    found: dict[str, list[Answers]] = {}
    models = sorted({problem.model for problem in data})
    for fold in range(folds):
        unseen = set(models[fold::folds])
        weighting = Weighting(tuple(fit([problem for problem in data if problem.model not in unseen])), None, 1.0)
        for problem in (problem for problem in data if problem.model in unseen):
            placement = infer.place(problem.region, weighting)
            truth = problem.truth[placement.node]
            scored = truth != NO_TRUTH
            answers = Answers(placement.probability[scored], (placement.scope == truth)[scored])
            found.setdefault(problem.case, []).append(answers)
    return {case: Answers(*map(np.concatenate, zip(*parts, strict=True))) for case, parts in found.items()}


def least_probability(answers: Iterable[Answers], precision: float, share: float) -> float | None:
    """Return the least threshold from which on answers are right so often in every case; None where too few are."""
    for threshold in THRESHOLDS:
        kept = [(part.right[part.probability >= threshold], len(part.right)) for part in answers]
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


def fitted(regime: str, data: Sequence[Problem], folds: int, say: Callable[[str], object]) -> dict[str, Any]:
    """Return the weights and thresholds of a regime, as they stand in weights.json."""
    answers = cross_validated(data, folds)
    say(f"{regime}: {len(data)} problems, cross-validated over {folds} folds of models\n")
    for case, part in answers.items():
        say("\n".join(calibration(case, part)) + "\n")
    high = least_probability(answers.values(), HIGH_PRECISION, LEAST_HIGH)
    say(f"high {high}, medium {MEDIUM[regime]}\n\n")
    return {
        "high": high,
        "medium": MEDIUM[regime],
        "rounds": [np.round(weights, 3).tolist() for weights in fit(data)],
    }


def dumps(data: Any, indent: str = "") -> str:
    """Return JSON with a line for each row of a matrix, so that a new fit can be compared with the last."""
    inner = indent + " "
    if isinstance(data, dict):
        items = (f"{inner}{json.dumps(key)}: {dumps(value, inner)}" for key, value in data.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(data, list) and data and not isinstance(data[0], float):
        return "[\n" + ",\n".join(inner + dumps(item, inner) for item in data) + f"\n{indent}]"
    return json.dumps(data)


def main() -> None:
    """Fit, report, and write what was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.fit", description="Fit the weights of inference."
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder of exported models (benchmarks.accuracy)")
    parser.add_argument("--folds", type=int, default=3, help="folds of the cross-validation, at least 2")
    parser.add_argument("--out", type=Path, help="where to write the weights; without it nothing is written")
    arguments = parser.parse_args()
    if arguments.folds < 2:  # noqa: PLR2004
        parser.error("--folds: one fold leaves no model to fit on")
    from .export import TUNING

    entries = list(corpus.entries(arguments.cache, tuple(TUNING), corpus.ENGINES))
    if not entries:
        sys.exit(f"{arguments.cache}: holds no tuning model; `python -m benchmarks.accuracy` exports them")
    torch.manual_seed(0)
    data: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "evidence": list(EVIDENCE),
        "roles": [role.name.lower() for role in Role],
        "least_named": LEAST_NAMED,
    }
    for regime, cases in REGIMES.items():
        data[regime] = fitted(regime, list(problems(entries, cases)), arguments.folds, sys.stdout.write)
    if arguments.out is not None:
        arguments.out.write_text(dumps(data) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

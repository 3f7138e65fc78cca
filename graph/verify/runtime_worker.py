"""The process behind runtime.py: reads in JSON, from standard input, which two models to run, and answers in JSON.

A script of its own that imports nothing of hpass, so it starts fast and works from any kind of installation.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import onnxruntime

SEED = 20
LONGEST_REASON = 300
# Sizes by axis for dimensions that the model leaves open (the last one stands for all further axes; the longer ones
# are sound and images), and ranges of integers (token ids, indices, flags and lengths all arrive as integers): the
# first of each with which the original runs.
SIZES = ((2,), (1,), (4,), (8,), (32,), (64,), (1, 512), (2, 3, 64), (2, 1, 64), (2, 64, 64, 3), (1, 3, 224))
INTEGERS = ((0, 2), (1, 2))
# Elements; a guess that makes more of open dimensions only costs time.
LARGEST_INPUT = 1 << 22
RUNS_OF_A_RANDOM_MODEL = 3

Answer = tuple[str, str, str | None]


class NoInputsError(Exception):
    """There is no way to make up a value of this type."""


class InputGuess(NamedTuple):
    """How open dimensions and integers are filled."""

    sizes: tuple[int, ...]
    integers: tuple[int, int]

    def shape(self, declared: Sequence[object], named: dict[str, int]) -> list[int]:
        """Return a shape without open dimensions; `named` keeps equal names at equal sizes."""
        sizes: list[int] = []
        for axis, dim in enumerate(declared):
            size = self.sizes[min(axis, len(self.sizes) - 1)]
            if isinstance(dim, str):
                size = named.setdefault(dim, size)
            sizes.append(size if is_open(dim) else cast("int", dim))
        return sizes


def main() -> None:
    """Answer the request on standard input."""
    # Kernels may print: what they print must not be taken for the answer.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _limit_memory()
    onnxruntime.set_default_logger_severity(4)
    request = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    with answer:
        json.dump(compare(request["original"], request["changed"]), answer)


def compare(original: Mapping[str, str], changed: Mapping[str, str]) -> Answer:
    """Run both models and say how they compare."""
    try:
        session = open_session(original)
        inputs, expected = first_run(session)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises anything, and all of it is the answer
        return "not-runnable", one_line(error), None
    names = [output.name for output in session.get_outputs()]
    del session
    try:
        other = open_session(changed)
        if [output.name for output in other.get_outputs()] != names:
            return "different", "it has other outputs", None
        results = other.run(None, inputs)
    except Exception as error:  # noqa: BLE001 - as above
        return "different", f"the original runs, the changed model does not: {one_line(error)}", None
    difference = first_difference(names, expected, results)
    if difference is None:
        return "identical", "", None
    if reason := nondeterminism(original, inputs, expected):
        return "random", reason, None
    return "different", difference[1], difference[0]


def open_session(source: Mapping[str, str]) -> Any:
    """Open a model with what makes runs repeatable; its external data lies in the folder given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", source["folder"])
    return onnxruntime.InferenceSession(Path(source["path"]).read_bytes(), options, providers=["CPUExecutionProvider"])


def first_run(session: Any) -> tuple[dict[str, Any], Sequence[Any]]:
    """Return inputs with which the model runs, and its results. Raises what the first attempt raised."""
    reason: Exception | None = None
    for guess in guesses(session):
        inputs = make_inputs(session, guess)
        try:
            return inputs, session.run(None, inputs)
        except Exception as error:  # noqa: BLE001 - the next guess may do
            reason = reason or error
    raise cast("Exception", reason)


def guesses(session: Any) -> Iterator[InputGuess]:
    """Yield the guesses that make a difference for this model."""
    inputs = session.get_inputs()
    open_shapes = any(is_open(dim) for value in inputs for dim in value.shape)
    integers = any("int32" in value.type or "int64" in value.type for value in inputs)
    for numbers, sizes in product(INTEGERS if integers else INTEGERS[:1], SIZES if open_shapes else SIZES[:1]):
        guess = InputGuess(sizes, numbers)
        elements = max((prod(guess.shape(value.shape, {})) for value in inputs), default=0)
        if sizes is SIZES[0] or elements <= LARGEST_INPUT:
            yield guess


def make_inputs(session: Any, guess: InputGuess) -> dict[str, Any]:
    """Make random inputs of the declared types and shapes; equal dimension names get equal sizes."""
    random = np.random.default_rng(SEED)
    named: dict[str, int] = {}
    return {
        value.name: make_value(value.type, guess.shape(value.shape, named), guess, random)
        for value in session.get_inputs()
    }


def is_open(dim: object) -> bool:
    """Whether a dimension has no size of its own."""
    return not isinstance(dim, int) or dim < 0


def make_value(kind: str, shape: list[int], guess: InputGuess, random: np.random.Generator) -> Any:
    """Make one value of a type as onnxruntime spells it. Raises NoInputsError."""
    outer, _, inner = kind.partition("(")
    inner = inner.removesuffix(")")
    match outer:
        case "tensor":
            return make_tensor(inner, shape, guess, random)
        case "seq":
            # onnxruntime does not tell the shape of a sequence's tensors.
            return [make_value(inner, [guess.sizes[0]], guess, random) for _ in range(2)]
        case "optional":
            return make_value(inner, shape, guess, random)
        case "map":
            key, _, value = inner.partition(",")
            item = make_value(value, [1], guess, random).item()
            return {"a" if key == "string" else 0: item}
        case _:
            raise NoInputsError(f"no inputs can be made of type {kind}")


def make_tensor(element: str, shape: list[int], guess: InputGuess, random: np.random.Generator) -> Any:
    """Make a tensor: small numbers, short strings."""
    if element in ("float", "double", "float16"):
        kind = {"float": np.float32, "double": np.float64, "float16": np.float16}[element]
        return random.standard_normal(shape).astype(kind)
    if element in ("int32", "int64"):
        return random.integers(*guess.integers, size=shape).astype(element)
    if re.fullmatch(r"u?int(8|16|32|64)", element):
        return random.integers(0, 100, size=shape).astype(element)
    if element == "bool":
        return random.integers(0, 2, size=shape).astype(bool)
    if element == "string":
        return np.array([f"{number}" for number in random.integers(0, 10, size=shape).flat], object).reshape(shape)
    raise NoInputsError(f"no inputs can be made of type tensor({element})")


def first_difference(names: Sequence[str], expected: Sequence[Any], results: Sequence[Any]) -> tuple[str, str] | None:
    """Return the first output that differs, and how."""
    for name, one, two in zip(names, expected, results, strict=True):
        if content(one) != content(two):
            return name, how_different(one, two)
    return None


def content(value: Any) -> object:
    """Return a value's type, shape and bits as something that compares."""
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        bits = array.tolist() if array.dtype.hasobject else array.tobytes()
        return str(array.dtype), array.shape, bits
    if isinstance(value, list):
        return [content(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return [(key, content(item)) for key, item in cast("dict[Any, Any]", value).items()]
    if isinstance(value, onnxruntime.SparseTensor):
        return value.dense_shape().tolist(), content(value.values())
    return repr(value)


def how_different(one: Any, two: Any) -> str:
    """Describe the difference of two results."""
    if not (isinstance(one, np.ndarray) and isinstance(two, np.ndarray)):
        return "its value differs"
    if one.shape != two.shape or one.dtype != two.dtype:
        return f"{one.dtype}{list(one.shape)} became {two.dtype}{list(two.shape)}"
    if one.dtype.hasobject:
        return "its strings differ"
    width = one.dtype.itemsize
    bits = [np.frombuffer(array.tobytes(), np.uint8).reshape(-1, width) for array in (one, two)]
    differing = int((bits[0] != bits[1]).any(axis=1).sum())
    return f"{differing} of {one.size} elements differ"


def nondeterminism(source: Mapping[str, str], inputs: Mapping[str, Any], expected: Sequence[Any]) -> str | None:
    """Return how a model's results differ from run to run; None if they do not."""
    for _ in range(RUNS_OF_A_RANDOM_MODEL):
        session = open_session(source)
        names = [output.name for output in session.get_outputs()]
        difference = first_difference(names, expected, session.run(None, dict(inputs)))
        if difference is not None:
            return f"the original alone gives another '{difference[0]}' each time"
    return None


def one_line(error: Exception) -> str:
    """Return an error's text on one line of bearable length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "..."


def _limit_memory() -> None:
    """Let a model that asks for more memory than the machine has fail here, not elsewhere."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()

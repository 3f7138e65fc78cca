"""The worker process of runtime.py: it reads a request in JSON from standard input and writes the answer in JSON.

This script imports nothing from hpass, so it starts fast and works with any kind of installation.
"""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import onnxruntime

try:
    import resource
except ImportError:
    # Windows has no limit on the memory of a process.
    resource = None

SEED = 20
MAX_REASON_CHARACTERS = 300
# Sizes of dynamic dimensions by axis; the last one is used for all further axes. They are tried in this order until the
# original runs. The tuples with several sizes fit audio and images.
AXIS_SIZES = ((2,), (1,), (4,), (8,), (32,), (64,), (1, 512), (2, 3, 64), (2, 1, 64), (2, 64, 64, 3), (1, 3, 224))
# Ranges of integer inputs, the end excluded. Token ids, indices, flags and lengths are all integers.
INTEGER_RANGES = ((0, 2), (1, 2))
# Trials with a larger input (16 MiB of float32) are skipped, because they take long. Not tuned.
MAX_INPUT_ELEMENTS = 1 << 22
# The number of further runs of the original that must agree for its outputs to count as deterministic.
REPEATED_RUNS = 3

Answer = tuple[str, str, str | None]


class NoInputsError(Exception):
    """No value of this type can be generated."""


class InputTrial(NamedTuple):
    """The sizes of dynamic dimensions and the range of integers to try."""

    sizes: tuple[int, ...]
    integers: tuple[int, int]

    def shape(self, declared: Sequence[object], size_of: dict[str, int]) -> list[int]:
        """Return a declared shape with its dynamic dimensions replaced.

        `size_of` maps dimension names to sizes and is updated, so that equal names get equal sizes.
        """
        sizes: list[int] = []
        for axis, dim in enumerate(declared):
            size = self.sizes[min(axis, len(self.sizes) - 1)]
            if isinstance(dim, str):
                size = size_of.setdefault(dim, size)
            sizes.append(size if is_open(dim) else cast("int", dim))
        return sizes


def main() -> None:
    """Answer the request on standard input."""
    # Kernels may print to standard output, which must contain only the answer.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    limit_memory()
    onnxruntime.set_default_logger_severity(4)
    request = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    with answer:
        json.dump(compare(request["original"], request["changed"]), answer)


def compare(original: Mapping[str, str], changed: Mapping[str, str]) -> Answer:
    """Run both models and return the outcome, the reason and the name of the differing output (see `Comparison`)."""
    try:
        session = open_session(original)
        inputs, expected = find_inputs(session)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises many types, and each of them is a result
        return "not-runnable", one_line(error), None
    names = [output.name for output in session.get_outputs()]
    del session
    try:
        other = open_session(changed)
        if [output.name for output in other.get_outputs()] != names:
            return "different", "the outputs have other names", None
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
    """Open a model so that runs are repeatable. `source` has its `path` and the `folder` of its external data."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", source["folder"])
    return onnxruntime.InferenceSession(Path(source["path"]).read_bytes(), options, providers=["CPUExecutionProvider"])


def find_inputs(session: Any) -> tuple[dict[str, Any], Sequence[Any]]:
    """Return inputs with which the model runs, and its outputs. Raises the error of the first trial if all fail."""
    reason: Exception | None = None
    for trial in input_trials(session):
        inputs = make_inputs(session, trial)
        try:
            return inputs, session.run(None, inputs)
        except Exception as error:  # noqa: BLE001 - the next trial may succeed
            reason = reason or error
    raise cast("Exception", reason)


def input_trials(session: Any) -> Iterator[InputTrial]:
    """Yield the trials that differ for this model."""
    inputs = session.get_inputs()
    open_shapes = any(is_open(dim) for value in inputs for dim in value.shape)
    integers = any("int32" in value.type or "int64" in value.type for value in inputs)
    for numbers, sizes in product(
        INTEGER_RANGES if integers else INTEGER_RANGES[:1], AXIS_SIZES if open_shapes else AXIS_SIZES[:1]
    ):
        trial = InputTrial(sizes, numbers)
        elements = max((prod(trial.shape(value.shape, {})) for value in inputs), default=0)
        if sizes is AXIS_SIZES[0] or elements <= MAX_INPUT_ELEMENTS:
            yield trial


def make_inputs(session: Any, trial: InputTrial) -> dict[str, Any]:
    """Return random inputs of the declared types and shapes, by name."""
    random = np.random.default_rng(SEED)
    size_of: dict[str, int] = {}
    return {
        value.name: make_value(value.type, trial.shape(value.shape, size_of), trial, random)
        for value in session.get_inputs()
    }


def is_open(dim: object) -> bool:
    """Whether a dimension is dynamic."""
    return not isinstance(dim, int) or dim < 0


def make_value(type_name: str, shape: list[int], trial: InputTrial, random: np.random.Generator) -> Any:
    """Return a random value of a type in onnxruntime's notation, such as `seq(tensor(float))`. Raises NoInputsError."""
    outer, _, inner = type_name.partition("(")
    inner = inner.removesuffix(")")
    match outer:
        case "tensor":
            return make_tensor(inner, shape, trial, random)
        case "seq":
            # onnxruntime does not report the shape of the tensors in a sequence.
            return [make_value(inner, [trial.sizes[0]], trial, random) for _ in range(2)]
        case "optional":
            return make_value(inner, shape, trial, random)
        case "map":
            key, _, value = inner.partition(",")
            item = make_value(value, [1], trial, random).item()
            return {"a" if key == "string" else 0: item}
        case _:
            raise NoInputsError(f"no inputs of type {type_name} can be generated")


def make_tensor(element: str, shape: list[int], trial: InputTrial, random: np.random.Generator) -> Any:
    """Return a random tensor of small numbers or short strings. Raises NoInputsError."""
    if element in ("float", "double", "float16"):
        dtype = {"float": np.float32, "double": np.float64, "float16": np.float16}[element]
        return random.standard_normal(shape).astype(dtype)
    if element in ("int32", "int64"):
        return random.integers(*trial.integers, size=shape).astype(element)
    if re.fullmatch(r"u?int(8|16|32|64)", element):
        return random.integers(0, 100, size=shape).astype(element)
    if element == "bool":
        return random.integers(0, 2, size=shape).astype(bool)
    if element == "string":
        return np.array([f"{number}" for number in random.integers(0, 10, size=shape).flat], object).reshape(shape)
    raise NoInputsError(f"no inputs of type tensor({element}) can be generated")


def first_difference(names: Sequence[str], expected: Sequence[Any], results: Sequence[Any]) -> tuple[str, str] | None:
    """Return the name of the first output that differs, and a description; None if all are identical."""
    for name, first, second in zip(names, expected, results, strict=True):
        if comparable(first) != comparable(second):
            return name, describe_difference(first, second)
    return None


def comparable(value: Any) -> object:
    """Return the type, shape and bits of a value in a form that `==` compares."""
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        bits = array.tolist() if array.dtype.hasobject else array.tobytes()
        return str(array.dtype), array.shape, bits
    if isinstance(value, list):
        return [comparable(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return [(key, comparable(item)) for key, item in cast("dict[Any, Any]", value).items()]
    if isinstance(value, onnxruntime.SparseTensor):
        return value.dense_shape().tolist(), comparable(value.values())
    return repr(value)


def describe_difference(first: Any, second: Any) -> str:
    """Describe the difference of two values."""
    if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
        return "its value differs"
    if first.shape != second.shape or first.dtype != second.dtype:
        return f"{first.dtype}{list(first.shape)} became {second.dtype}{list(second.shape)}"
    if first.dtype.hasobject:
        return "its strings differ"
    width = first.dtype.itemsize
    bits = [np.frombuffer(array.tobytes(), np.uint8).reshape(-1, width) for array in (first, second)]
    differing = int((bits[0] != bits[1]).any(axis=1).sum())
    return f"{differing} of {first.size} elements differ"


def nondeterminism(source: Mapping[str, str], inputs: Mapping[str, Any], expected: Sequence[Any]) -> str | None:
    """Return a description if a model's outputs differ from run to run; None if they do not."""
    for _ in range(REPEATED_RUNS):
        session = open_session(source)
        names = [output.name for output in session.get_outputs()]
        difference = first_difference(names, expected, session.run(None, dict(inputs)))
        if difference is not None:
            return f"output '{difference[0]}' of the original differs from run to run"
    return None


def one_line(error: Exception) -> str:
    """Return the text of an error on one line of at most MAX_REASON_CHARACTERS characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARACTERS else text[:MAX_REASON_CHARACTERS] + "..."


def limit_memory() -> None:
    """Limit this process to the machine's physical memory, so that a model that needs more fails here only."""
    if resource is None:
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()

"""Quantise a model without one module, and look in the result whether exactly that module stayed float.

It is looked at twice: by the names of the nodes, and by the tags that `--reference` gives the result.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

import hpass
from benchmarks.environments import Environments, ToolError

from .methods import SCRIPTS, Method
from .precision import Product, products

Inside = Callable[[Product], bool]


@dataclass(frozen=True)
class Sample:
    """A model, and the module that stays float."""

    path: Path
    module: str


@dataclass(frozen=True)
class Check:
    """How many products of the module are floats, and how many outside of it are reduced."""

    kept: int
    reduced: int


@dataclass(frozen=True)
class Result:
    """What is in the files of a tool.

    The module has `inside` products. Without the selection the tool reduces `reduced_inside` of them and
    `reduced_outside` others. With the selection there is what `by_name` and `by_tag` say.
    """

    method: Method
    sample: Sample
    version: str
    inside: int
    reduced_inside: int
    reduced_outside: int
    by_name: Check
    by_tag: Check

    @property
    def is_exact(self) -> bool:
        """Whether the module and nothing else stays float that would be reduced, by names and by tags."""
        expected = Check(kept=self.inside, reduced=self.reduced_outside)
        return self.by_name == self.by_tag == expected and self.reduced_inside > 0


@dataclass(frozen=True)
class Failure:
    """A tool that could not be installed or did not run, with the reason that it gave."""

    method: Method
    sample: Sample
    version: str
    reason: str


def measure(method: Method, sample: Sample, environments: Environments) -> Result | Failure:
    """Run a method on a sample."""
    version = ""
    with tempfile.TemporaryDirectory() as folder:
        tagged, inputs, selection, everything, selected = (
            Path(folder, name) for name in ("tagged.onnx", "inputs.npz", "selection", "all.onnx", "selected.onnx")
        )
        _hpass("run", sample.path, "-o", tagged)
        _hpass("inputs", sample.path, "-o", inputs)
        _hpass("select", tagged, sample.module, "--for", method.form, "-o", selection)
        try:
            version = environments.version(method.tool)
            files = (tagged, selection, inputs, everything, selected)
            environments.run(method.tool, SCRIPTS / method.script, *method.arguments, *files)
        except ToolError as error:
            return Failure(method, sample, version, str(error))

        nodes = frozenset(node.name for node in onnx.load(tagged).graph.node)
        in_selection = _by_name(tagged, sample.module)
        original, without, found = (list(products(onnx.load(path), nodes)) for path in (tagged, everything, selected))
        reduced = [in_selection(product) for product in without if product.reduced]
        return Result(
            method,
            sample,
            version,
            sum(map(in_selection, original)),
            reduced.count(True),
            reduced.count(False),
            _check(found, in_selection),
            _check(found, _by_tag(selected, tagged, sample.module)),
        )


def _check(found: Sequence[Product], inside: Inside) -> Check:
    states = [(inside(product), product.reduced) for product in found]
    return Check(kept=states.count((True, False)), reduced=states.count((False, True)))


def _by_name(tagged: Path, module: str) -> Inside:
    names = set(hpass.select(tagged, module).names)
    return lambda product: product.name in names


def _by_tag(path: Path, tagged: Path, module: str) -> Inside:
    """Return whether a node of the file at `path` is in the module by the tags that a reference gives it."""
    run = hpass.run(path, reference=tagged, retag=True)
    scopes = {node.outputs[0].name: tag.scope for node, tag in run.tags() if node.outputs}
    return lambda product: f"{scopes[product.node.output[0]]}.".startswith(f"{module}.")


def _hpass(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "hpass", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

"""Record what modules read and write while the whole model runs once, and write scripts that run a module on it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import HpassError
from .child_process import run_model
from .extract import ExtractedModule, Extractor
from .npz import npz_bytes

# Names from the file are literals, so that they cannot be code.
_SCRIPT = '''\
"""Run a module that was cut out of a model on recorded inputs, and compare its outputs with the recorded ones.

An argument is the execution provider to use. The exit status is 1 if an output differs. The outputs were recorded on
CPUExecutionProvider with the optimisations of onnxruntime off.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

WHOLE_MODEL = {whole!r}
MODULE = {scope!r}
FOLDER = Path(__file__).parent

options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1
providers = sys.argv[1:] or ["CPUExecutionProvider"]
session = ort.InferenceSession(FOLDER / {file!r}, options, providers=providers)
inputs = np.load(FOLDER / {inputs!r})
expected = np.load(FOLDER / {outputs!r})
names = [output.name for output in session.get_outputs()]
different = False
print(MODULE, "of", WHOLE_MODEL)
for name, value in zip(names, session.run(names, dict(inputs))):
    wanted = expected[name]
    if value.shape == wanted.shape and value.tobytes() == wanted.tobytes():
        print(name, "is identical")
    elif value.shape == wanted.shape:
        different = True
        print(name, "differs by at most", np.abs(value.astype(float) - wanted.astype(float)).max())
    else:
        different = True
        print(name, "has the shape", value.shape, "instead of", wanted.shape)
sys.exit(different)
'''


class Recording(NamedTuple):
    """The content of the files beside an extracted model: its inputs and outputs (.npz), and a script that compares."""

    inputs: bytes
    outputs: bytes


def record(extractor: Extractor, modules: Sequence[ExtractedModule], inputs: Path) -> list[Recording]:
    """Run the whole model once on the inputs in an .npz file. Return what each module read and wrote.

    Raises HpassError if the file cannot be read, if the model does not run on it, or if a value is no tensor.
    """
    name = extractor.run.model.name
    for module in modules:
        if not module.in_main_graph:
            raise HpassError(f"{name}: '{module.scope}' runs inside a subgraph, whose values cannot be recorded")
    given = _read(inputs)
    wanted = dict.fromkeys(value for module in modules for value in (*module.piece.inputs, *module.piece.outputs))
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder:
        results = Path(folder) / "results.npz"
        asked = [value for value in wanted if value not in given]
        run_model(
            extractor.run.model.for_runtime(), extractor.folder, inputs=inputs, names=asked, results=results, title=name
        )
        with np.load(results) as loaded:
            values = {**given, **dict(loaded)}
    return [
        Recording(
            npz_bytes({value: values[value] for value in module.piece.inputs}),
            npz_bytes({value: values[value] for value in module.piece.outputs}),
        )
        for module in modules
    ]


def script(module: ExtractedModule, whole: str, target: Path) -> str:
    """Return a Python program that runs an extracted model on its recorded inputs. It needs numpy and onnxruntime.

    `whole` is the name of the model that the module was cut out of, `target` the path of the module's model.
    """
    return _SCRIPT.format(
        whole=Path(whole).name,
        scope=module.scope,
        file=target.name,
        inputs=recorded_path(target, "inputs").name,
        outputs=recorded_path(target, "outputs").name,
    )


def recorded_path(target: Path, kind: str) -> Path:
    """Return the path of the recorded `inputs` or `outputs` of the model at a path."""
    return target.with_name(f"{target.stem}.{kind}.npz")


def _read(path: Path) -> Mapping[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return dict(loaded)
    except (OSError, ValueError, EOFError) as error:
        raise HpassError(f"{path}: cannot be read as .npz ({' '.join(str(error).split())})") from error

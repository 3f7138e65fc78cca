"""Export benchmark models into a cache folder, with the transformers of the interpreter that runs this module.

`python -m benchmarks.accuracy.export CACHE ENGINE NAME...` writes a folder CACHE/NAME.ENGINE per model, with
model.onnx, truth.json, calls.json, modules.json and inputs.npz, or with failed.txt, which has the reason.
"""

from __future__ import annotations

import json
import logging
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fixtures.exports import Export, distinct_values, export_current, export_torchscript

from . import zoo_packages, zoo_random, zoo_shared, zoo_wide
from .zoo_chosen import CHOSEN

if TYPE_CHECKING:
    from .sample import Sample


def sample(name: str) -> Sample:
    """Return the model with a name. Raises KeyError if it is unknown; exceptions of its package pass through."""
    if zoo_packages.is_of_a_package(name):
        return zoo_packages.sample(name)
    if zoo_random.is_random(name):
        return zoo_random.sample(name)
    return zoo_wide.sample(name) if zoo_wide.is_wide(name) else (CHOSEN | zoo_shared.SAMPLES)[name]


def export(sample: Sample, engine: str, seed: int) -> Export:
    """Export one model by `current`, or else by TorchScript (`torchscript`, `torchscript-old`)."""
    torch.manual_seed(seed)
    model = sample.build().eval()
    if not sample.fresh:
        distinct_values(model, seed)
    if engine == "current":
        return export_current(model, sample.inputs, sample.shapes)
    return export_torchscript(model, sample.inputs, sample.shapes)


def write(folder: Path, sample: Sample, exported: Export) -> None:
    """Write the model, its truth, the calls of its nodes, its module table and its inputs."""
    (folder / "truth.json").write_text(json.dumps(exported.truth), encoding="utf-8")
    (folder / "calls.json").write_text(json.dumps(exported.calls), encoding="utf-8")
    (folder / "modules.json").write_text(json.dumps(exported.modules), encoding="utf-8")
    names = [value.name for value in exported.model.graph.input]
    if set(names) != set(sample.inputs):
        raise RuntimeError(f"the export has other inputs: {names}")
    inputs: dict[str, Any] = {name: sample.inputs[name].numpy() for name in names}
    np.savez(folder / "inputs.npz", **inputs)
    (folder / "model.onnx").write_bytes(exported.model.SerializeToString(deterministic=True))


def main() -> None:
    """Export the models that the command line names."""
    cache, engine, *names = sys.argv[1:]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    # TorchScript cannot export the operators that PyTorch's own transformers run without gradients.
    torch.backends.mha.set_fastpath_enabled(False)
    for name in names:
        folder = Path(cache) / f"{name}.{engine}"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            model = sample(name)
            write(folder, model, export(model, engine, zlib.crc32(name.encode())))
        except Exception as error:  # noqa: BLE001, exporters raise any type; the reason is the result
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            (folder / "failed.txt").write_text(reason[:300], encoding="utf-8")


if __name__ == "__main__":
    main()

"""Count the multiply-accumulates of a model twice: in its exported file, and by PyTorch while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.accuracy.sample import Sample
from hpass.api import ensure_tagged
from hpass.model_cost import cost


class Result(NamedTuple):
    """The multiply-accumulates of one model. `unknown` is the number of nodes of which hpass knows no cost."""

    model: str
    engine: str
    by_hpass: int | str
    by_torch: int
    unknown: int

    @property
    def is_equal(self) -> bool:
        """Whether both counts are the same, and hpass knows the cost of every node."""
        return self.by_hpass == self.by_torch and not self.unknown


def measure(name: str, sample: Sample, folder: Path) -> Result:
    """Count the multiply-accumulates of a model that is exported in a folder `NAME.ENGINE` of the cache."""
    counted = cost(ensure_tagged(folder / "model.onnx"), sizes=_sizes(folder))
    by_hpass = counted.total.macs
    return Result(
        name,
        folder.name.rpartition(".")[2],
        by_hpass if isinstance(by_hpass, int) else str(by_hpass),
        by_torch(sample),
        counted.total.unknown,
    )


def by_torch(sample: Sample) -> int:
    """Return what PyTorch counts. Its counter does not know the fused attention of the CPU, so that is off."""
    model = sample.build().eval()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(**sample.inputs)
    return counter.get_total_flops() // 2


def _sizes(folder: Path) -> dict[str, int]:
    """Return the sizes of the free dimensions with the inputs that the model was exported with."""
    sizes: dict[str, int] = {}
    with np.load(folder / "inputs.npz") as inputs:
        for value in onnx.load(folder / "model.onnx", load_external_data=False).graph.input:
            shape = inputs[value.name].shape
            for dim, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
                if dim.dim_param and not dim.dim_param.isdecimal():
                    sizes[dim.dim_param] = size
    return sizes

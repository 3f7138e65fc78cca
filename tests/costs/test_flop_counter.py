"""The multiply-accumulates of files are those that PyTorch counts while the model runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hpass
from benchmarks.accuracy.sample import Sample
from benchmarks.accuracy.zoo_chosen import CHOSEN
from benchmarks.costs.measure import by_torch
from fixtures.exports import distinct_values, export_current

pytestmark = pytest.mark.torch
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.mark.parametrize(("name", "batch"), [("simple_cnn", "s40"), ("simple_cnn_torchscript", "batch")])
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_a_convolutional_network(name: str, batch: str) -> None:
    from fixtures.models import SimpleCnn  # noqa: PLC0415 - its import warns

    expected = by_torch(Sample(SimpleCnn, {"image": torch.randn(3, 3, 16, 16)}))

    assert hpass.cost(FIXTURES / f"{name}.onnx", sizes={batch: 3}).total.macs == expected


@pytest.mark.parametrize("name", ["bert_eager", "plain_unet", "plain_googlenet", "plain_mixer", "plain_generator"])
@pytest.mark.slow
def test_models_of_the_benchmark(name: str) -> None:
    sample = CHOSEN[name]
    exported = export_current(distinct_values(sample.build(), 0), sample.inputs, sample.shapes).model
    sizes = {
        dim.dim_param: size
        for value in exported.graph.input
        for dim, size in zip(value.type.tensor_type.shape.dim, sample.inputs[value.name].shape, strict=True)
        if dim.dim_param and not dim.dim_param.isdecimal()
    }
    found = hpass.cost(exported, sizes=sizes).total

    assert (found.macs, found.unknown) == (by_torch(sample), 0)

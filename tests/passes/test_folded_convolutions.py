"""aux-inheritance: a convolution is in the normalisation that torch.export folded into it."""

from __future__ import annotations

import pytest
from text_models import model, run_pass, scopes_of, table

from hpass import Source, Tag
from hpass.passes.aux_inheritance import AuxInheritance

TABLE = table(
    {
        "": "Net",
        "conv": {"class": "Conv2d", "parameters": ["weight"]},
        "norm": {"class": "BatchNorm2d", "parameters": ["weight", "bias"]},
        "act": "ReLU",
        "fc": {"class": "Linear", "parameters": ["weight"]},
    }
)
BOTH = 'auto_pad = "NOTSET", pads = [0, 0, 0, 0]'


def nodes(attributes: str, *, norm: str = "") -> str:
    return f'["c"] a = Conv<{attributes}>(x, w) {norm} ["r"] b = Relu(a) ["fc"] y = MatMul(b, v)'


@pytest.mark.parametrize(
    ("attributes", "scope"),
    [
        pytest.param(BOTH, "norm", id="torch.export"),
        pytest.param("pads = [0, 0, 0, 0]", "conv", id="TorchScript, whose folding keeps the module"),
    ],
)
def test_a_convolution_that_nothing_names(attributes: str, scope: str) -> None:
    source = model(nodes(attributes), parameters=("w", "v"))

    context = run_pass(AuxInheritance(), source, tags={"fc": Tag("fc", Source.NAME)}, table=TABLE)

    assert scopes_of(context)["c"] == scope


def test_a_normalisation_that_runs_was_not_folded() -> None:
    text = nodes(BOTH, norm='["n"] n = BatchNormalization(a, v, v, v, v)')
    tags = {"fc": Tag("fc", Source.NAME), "n": Tag("norm", Source.NAME)}

    context = run_pass(AuxInheritance(), model(text, parameters=("w", "v")), tags=tags, table=TABLE)

    assert scopes_of(context)["c"] == "conv"


def test_a_named_convolution_stays() -> None:
    tags = {"fc": Tag("fc", Source.NAME), "c": Tag("conv", Source.NAME)}

    context = run_pass(AuxInheritance(), model(nodes(BOTH), parameters=("w", "v")), tags=tags, table=TABLE)

    assert scopes_of(context)["c"] == "conv"

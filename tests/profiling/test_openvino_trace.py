"""Executable graphs of OpenVINO: one that OpenVINO 2026.4.1 wrote after 300 runs of a fixture, and text."""

from __future__ import annotations

from pathlib import Path

import pytest

import hpass
from hpass import HpassError
from hpass.profiling.openvino_trace import read_openvino_trace

SAMPLE = Path(__file__).with_name("openvino_simple_cnn.xml")
FIXTURES = Path(__file__).parents[2] / "fixtures"


def test_layers_that_ran_have_their_time_and_original_nodes() -> None:
    times = read_openvino_trace(SAMPLE)

    assert times.times_us.shape == (1, 6)
    assert times.times_us.sum() == 84
    assert [tuple(names) for names in times.originals] == [
        (),
        ("node_Conv_19/WithoutBiases", "node_Conv_19", "node_relu"),
        (),
        ("node_Conv_20/WithoutBiases", "node_Conv_20", "node_relu_1"),
        ("node_linear", "node_relu_2"),
        ("linear_1",),
    ]


def test_a_layer_is_in_the_module_of_all_that_it_replaced() -> None:
    profile = hpass.profile_trace(FIXTURES / "simple_cnn.onnx", SAMPLE)

    assert {scope: module.own_us for scope, module in profile.modules.items() if module.own_us} == {
        "features.0": 2,
        "features.2": 1,
        "classifier": 59,
        "classifier.out": 13,
    }
    # Conversions of layout, of which OpenVINO does not say what they are for.
    assert profile.unmapped.us == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<net><layers>", "is not an executable graph of OpenVINO"),
        ("<net/>", "has no layer with a time"),
        ('<net><layer name="a"><data execTimeMcs="not_executed"/></layer></net>', "has no layer with a time"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><net/>', "it has a document type"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trace.xml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(HpassError, match=message):
        hpass.profile_trace(FIXTURES / "simple_cnn.onnx", path)

"""Profiles of TensorRT.

No card was there to try. The samples are made up, in the forms that the source of trtexec (`sampleReporting.cpp`), the
documentation of the engine inspector of versions 10 and 11, and the examples of NVIDIA's engine explorer have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from text_models import model

import hpass
from hpass import HpassError, UsageError
from hpass.profiling.tensorrt_names import TensorRTNames
from hpass.profiling.trtexec_trace import read_layers

CNN = Path(__file__).parents[2] / "fixtures" / "simple_cnn_torchscript.onnx"

NODES = """
    ["/a/Conv"] c = Conv(x, "a.weight")
    ["/a/Relu"] r = Relu(c)
    ["/b/Add"] s = Add(r, x)
    ["/shape"] k = Constant<value = float {1.0}>()
    ["/d/Mul"] m = Mul(s, k)
    ["/d/Concat"] t = Concat<axis = 0>(m, r)
    ["/e + f/Gemm"] y = MatMul(t, both)
    ["/e/Neg"] z = Neg(both)
"""


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("/a/Conv", ["/a/Conv"]),
        ("/a/Conv + /a/Relu", ["/a/Conv", "/a/Relu"]),
        ("/a/Conv || /b/Add", ["/a/Conv", "/b/Add"]),
        ("a.weight + /a/Conv + PWN(/a/Relu)", ["/a/Conv", "/a/Relu"]),
        ("PWN(PWN(/b/Add), (Unnamed Layer* 9) [ElementWise])", ["/b/Add"]),
        ("PWN(/b/Add, /d/Mul)", ["/b/Add", "/d/Mul"]),
        ("/e + f/Gemm", ["/e + f/Gemm"]),
        # A weight of several nodes is that of none.
        ("both + (Unnamed Layer* 4) [Shuffle]", []),
        ("a.weight + (Unnamed Layer* 4) [Shuffle]", ["/a/Conv"]),
        ("Reformatting CopyNode for Input Tensor 0 to /a/Conv + /a/Relu", ["/a/Conv", "/a/Relu"]),
        (
            "Reformatting CopyNode for Output Tensor 1 to {ForeignNode[/b/Add.../d/Concat]}",
            ["/b/Add", "/shape", "/d/Mul", "/d/Concat"],
        ),
        ("{ForeignNode[/d/Mul.../d/Concat]}", ["/d/Mul", "/d/Concat"]),
        # A constant runs nowhere; it stands for the node that reads it. A weight does as well.
        ("{ForeignNode[k.../d/Concat]}", ["/d/Mul", "/d/Concat"]),
        ("{ForeignNode[/shape.../d/Concat]}", ["/d/Mul", "/d/Concat"]),
        ("{ForeignNode[a.weight + (Unnamed Layer* 1) [Shuffle].../a/Relu]}", ["/a/Conv", "/a/Relu"]),
        ("{ForeignNode[both.../e/Neg]}", ["/e + f/Gemm", "/e/Neg"]),
        ("{ForeignNode[/d/Concat]}", ["/d/Concat"]),
        ("{ForeignNode[/gone.../d/Concat]}", []),
        ("reshape_after_/e + f/Gemm", ["/e + f/Gemm"]),
        ("unsqueeze_node_after_/a/Conv", ["/a/Conv"]),
        ("node_of_s", ["/b/Add"]),
        ("/b/Add_clone_1", ["/b/Add"]),
        ("/d/Concat_r_clone_0 copy", ["/d/Concat"]),
        ("r copy", ["/a/Relu"]),
        ("s[DevicetoShapeHostCopy]", ["/b/Add"]),
        ("(Unnamed Layer* 718) [NMS]_1_output[DevicetoShapeHostCopy]", []),
        ("[trainStation1]", []),
        ("__myl_MulAdd_myl0_3", []),
        ("PWN(" * 5000, []),
        ("", []),
    ],
)
def test_the_name_of_a_layer_says_what_it_is_made_of(name: str, nodes: list[str]) -> None:
    names = TensorRTNames(model(NODES, parameters=["a.weight", "both"]))

    assert names.nodes_of(name, None) == nodes


def layer(name: str, *members: str, separator: str = "\x1f", **fields: Any) -> dict[str, Any]:
    metadata = separator.join(f"[ONNX Layer: {member}]" for member in members)
    return {"Name": name, "LayerType": "Cask", "Metadata": metadata, **fields}


# What both versions write of a small convolutional model, with one layer of each kind.
LAYERS = [
    layer("reformat", LayerType="Reformat", Outputs=[{"Name": "copied", "Format/Datatype": "Half"}]),
    layer("conv", "/features/features.0/conv/Conv", "/features/features.0/act/Relu"),
    layer(
        "conv", "/features/features.2/conv/Conv", "/features/features.2/act/Relu", separator="\x1e", LayerType="Myelin"
    ),
    # Version 8 has no metadata.
    {"Name": "pool", "LayerType": "TiledPooling", "Outputs": [{"Name": "/features/features.3/MaxPool_output_0"}]},
    layer("__myl_FcRelu_myl3_1", "/classifier/hidden/Gemm", "/classifier/Relu", "/classifier/out/Gemm"),
]
INFORMATION = {
    10: {"Layers": LAYERS, "Bindings": ["input", "49"]},
    11: {"Layers": LAYERS, "I/O Tensors": [{"Name": "input", "IOMode": "Input", "DataType": "Float"}]},
}
TIMES = {"reformat": 0.004, "conv": 0.030, "pool": 0.006, "__myl_FcRelu_myl3_1": 0.010}


def profile_of(folder: Path, *, medians: bool = True) -> Path:
    entries = [
        {"name": entry["Name"], "timeMs": 9.0, "averageMs": TIMES[entry["Name"]], "percentage": 1.0} for entry in LAYERS
    ]
    if medians:
        entries = [entry | {"medianMs": entry["averageMs"], "averageMs": 1.0} for entry in entries]
    path = folder / "profile.json"
    path.write_text(json.dumps([{"count": 300}, *entries]), encoding="utf-8")
    return path


def own_times(profile: hpass.Profile) -> dict[str, float]:
    return {scope: round(module.own_us, 6) for scope, module in profile.modules.items() if module.own_us}


@pytest.mark.parametrize("version", INFORMATION)
@pytest.mark.parametrize("medians", [True, False])
def test_layers_are_in_the_module_of_all_that_they_replaced(tmp_path: Path, version: int, *, medians: bool) -> None:
    information = tmp_path / "layers.json"
    information.write_text(json.dumps(INFORMATION[version]), encoding="utf-8")

    profile = hpass.profile_trace(CNN, profile_of(tmp_path, medians=medians), optimised=information)

    assert own_times(profile) == {"features.0": 30, "features.2": 30, "features.3": 6, "classifier": 10}
    assert profile.unmapped.us == pytest.approx(4)
    assert profile.profiled_us == pytest.approx(80)
    assert (profile.runs, profile.total_us) == (300, None)
    assert {group.name: group.nodes for group in profile.operators} == {
        "Cask": 2,
        "Myelin": 1,
        "TiledPooling": 1,
        "Reformat": 1,
    }
    assert [group.name for group in profile.providers] == ["TensorRT"]


def test_without_layer_information_names_say_what_they_can(tmp_path: Path) -> None:
    names = ["/features/features.0/conv/Conv + /features/features.0/act/Relu", "__myl_FcRelu_myl3_1"]
    path = tmp_path / "profile.json"
    entries = [{"name": name, "timeMs": 6, "averageMs": 0.02, "percentage": 50} for name in names]
    path.write_text(json.dumps([{"count": 300}, *entries]), encoding="utf-8")

    profile = hpass.profile_trace(CNN, path)

    assert own_times(profile) == {"features.0": 20}
    assert profile.mapped == pytest.approx(0.5)


def test_names_of_layers_only_and_bytes_that_json_forbids(tmp_path: Path) -> None:
    path = tmp_path / "layers.json"
    path.write_text('{"Layers": ["a + b"\n,"c\x1fd"], "Bindings": ["x"]}', encoding="utf-8")

    assert [found.name for found in read_layers(path)] == ["a + b", "c\x1fd"]


def test_members_may_stand_without_a_separator(tmp_path: Path) -> None:
    path = tmp_path / "layers.json"
    path.write_text(json.dumps({"Layers": [{"Name": "a", "Metadata": "[ONNX Layer: b[0]][ONNX Layer: c]"}]}))

    assert read_layers(path)[0].members == ("b[0]", "c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"Layers": []}, "has the layers of an engine, but no times"),
        ([{"count": 1}, {"name": "a", "averageMs": 0}], "no layer took any time"),
        ([{"count": 1}], "has no events of nodes"),
    ],
)
def test_what_has_no_times_is_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(HpassError, match=message):
        hpass.profile_trace(CNN, path)


def test_what_does_not_fit_a_trace_is_refused(tmp_path: Path) -> None:
    path = profile_of(tmp_path)

    with pytest.raises(HpassError, match="has no layers; name what trtexec --exportLayerInfo wrote"):
        hpass.profile_trace(CNN, path, optimised=path)
    with pytest.raises(UsageError, match="one time for each layer, not one for each run"):
        hpass.profile_trace(CNN, path, warmup=1)
    executable = Path(__file__).with_name("openvino_simple_cnn.xml")
    with pytest.raises(UsageError, match="says itself what its layers are made of"):
        hpass.profile_trace(CNN, executable, optimised=path)

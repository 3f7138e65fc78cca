"""What each form of `hpass select` is worth: other tools read it, and leave exactly the selected nodes alone."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    matmul_nbits_quantizer,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.transformers import float16
from product import ROOT
from text_models import model

import hpass
from hpass import HpassError, UsageError
from hpass.cli.select import Format
from hpass.selection.formats import FORMATS, layer_ann

BERT = ROOT / "fixtures" / "bert_tiny.onnx"
MODULE = "encoder.layer.0.**.dense"


class Inputs(CalibrationDataReader):
    """One set of inputs for the quantizer."""

    def __init__(self) -> None:
        ids = np.ones((1, 8), np.int64)
        self.sets = iter([{value.name: ids for value in ort.InferenceSession(BERT).get_inputs()}])

    def get_next(self) -> Any:
        return next(self.sets, None)


def written(form: str, *patterns: str) -> Any:
    """Return what `--for` writes for the model, read as JSON."""
    return json.loads(FORMATS[form](hpass.select(BERT, *patterns)))


def matmuls(proto: onnx.ModelProto) -> dict[str, str]:
    """Return the producer of the weight of each MatMul and Gemm: `weight`, an operator, or `value`, by the name."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    writers = {name: node.op_type for node in proto.graph.node for name in node.output}
    return {
        node.name: "weight" if node.input[1] in weights else writers[node.input[1]]
        for node in proto.graph.node
        if node.op_type in ("MatMul", "Gemm")
    }


def weighted() -> set[str]:
    """Return the names of the MatMul and Gemm nodes of the model that read a weight."""
    return {name for name, reads in matmuls(onnx.load(BERT)).items() if reads == "weight"}


def output_types(proto: onnx.ModelProto) -> dict[str, str]:
    """Return the type that onnxruntime gives the first output of each node, by the name of the node."""
    shown = {node.output[0]: node.name for node in proto.graph.node}
    known = {info.name for info in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in shown if name not in known)
    del proto.graph.value_info[:]
    session = ort.InferenceSession(proto.SerializeToString())
    return {shown[value.name]: value.type for value in session.get_outputs() if value.name in shown}


def test_the_command_has_every_form() -> None:
    assert get_args(Format) == tuple(FORMATS)


def test_quantize_dynamic_leaves_exactly_the_module_alone(tmp_path: Path) -> None:
    for patterns in ([MODULE], ["pooler"]):
        excluded = written("ort-quant", *patterns)["nodes_to_exclude"]
        quantize_dynamic(BERT, tmp_path / "dynamic.onnx", nodes_to_exclude=excluded)

        left = {name for name, reads in matmuls(onnx.load(tmp_path / "dynamic.onnx")).items() if reads == "weight"}
        expected = weighted() & set(hpass.select(BERT, *patterns).names)
        assert {name.removesuffix("_MatMul") for name in left} == expected != set()


def test_quantize_static_leaves_exactly_the_module_alone(tmp_path: Path) -> None:
    excluded = written("ort-quant", MODULE, "pooler")["nodes_to_exclude"]
    quantize_static(BERT, tmp_path / "qdq.onnx", Inputs(), nodes_to_exclude=excluded, quant_format=QuantFormat.QDQ)

    left = {name for name, reads in matmuls(onnx.load(tmp_path / "qdq.onnx")).items() if reads == "weight"}
    assert left == weighted() & set(hpass.select(BERT, MODULE, "pooler").names) != set()


def test_overrides_give_exactly_the_outputs_of_the_module_16_bits(tmp_path: Path) -> None:
    names = written("qdq", MODULE)
    overrides = {
        name: [{"quant_type": QuantType.from_string(entry["quant_type"])} for entry in entries]
        for name, entries in names.items()
    }
    quantize_static(
        BERT,
        tmp_path / "mixed.onnx",
        Inputs(),
        activation_type=QuantType.QUInt8,
        extra_options={"TensorQuantOverrides": overrides, "UseQDQContribOps": True},
    )

    made = onnx.load(tmp_path / "mixed.onnx")
    types = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    sixteen = {
        node.input[0]
        for node in made.graph.node
        if node.op_type == "QuantizeLinear" and types[node.input[2]] == onnx.TensorProto.UINT16
    }
    quantized = {node.input[0] for node in made.graph.node if node.op_type == "QuantizeLinear"}
    assert sixteen == names.keys() & quantized != set()


def test_the_float16_converter_leaves_exactly_the_module_alone() -> None:
    block = written("float16", MODULE)["node_block_list"]
    made = float16.convert_float_to_float16(onnx.load(BERT), node_block_list=block)

    before, after = output_types(onnx.load(BERT)), output_types(made)
    floats = {name for name, kind in before.items() if kind == "tensor(float)"}
    assert {name for name in floats if after[name] == "tensor(float)"} == set(block) & floats != set()


def test_the_quantizer_of_weights_leaves_exactly_the_module_alone() -> None:
    logging.disable(logging.CRITICAL)
    excluded = written("matmul-nbits", MODULE)["nodes_to_exclude"]
    quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(onnx.load(BERT), nodes_to_exclude=excluded)
    quantizer.process()
    logging.disable(logging.NOTSET)

    left = {name for name, reads in matmuls(quantizer.model.model).items() if reads == "weight"}
    operators = {node.name: node.op_type for node in onnx.load(BERT).graph.node}
    quantizable = {name for name in weighted() if operators[name] == "MatMul"}
    assert left & quantizable == quantizable & set(excluded) != set()


def test_the_quantizer_of_weights_needs_a_node_that_it_would_change() -> None:
    with pytest.raises(UsageError, match="no MatMul or Gather"):
        written("matmul-nbits", ":Tanh")


def test_a_session_takes_the_option() -> None:
    text = FORMATS["layer-ann"](hpass.select(BERT, "encoder.layer.0", "!**.key"))
    options = ort.SessionOptions()
    options.add_session_config_entry("session.layer_assignment_settings", text)

    assert ort.InferenceSession(BERT, options).get_providers()


def test_onnxruntime_reads_every_entry_of_the_option(capfd: pytest.CaptureFixture[str]) -> None:
    text = FORMATS["layer-ann"](hpass.select(BERT, "encoder.layer.0", "!**.key"))
    options = ort.SessionOptions()
    options.log_severity_level = 1
    options.add_session_config_entry("session.layer_assignment_settings", text)
    ort.InferenceSession(BERT, options)

    count = len(text.split(", "))
    assert f"Matched {count} out of {count} rules to available Execution Providers" in capfd.readouterr().err


def test_onnxruntime_takes_the_longest_option_and_no_longer_one() -> None:
    options = ort.SessionOptions()
    options.add_session_config_entry("session.layer_assignment_settings", "x" * layer_ann._MAX_LENGTH)

    with pytest.raises(RuntimeError, match="longer than maximum length"):
        options.add_session_config_entry("session.layer_assignment_settings", "x" * (layer_ann._MAX_LENGTH + 1))


def matched(text: str, scope: str) -> bool:
    """Whether onnxruntime matches an annotation: `=x` exactly, any other entry as a prefix."""
    entries = re.fullmatch(r"CPUExecutionProvider\((.*)\)", text)[1].split(", ")  # type: ignore[index]
    return any(scope == entry[1:] if entry.startswith("=") else scope.startswith(entry) for entry in entries)


SCOPES = st.lists(st.sampled_from(["a", "b", "1", "10"]), min_size=1, max_size=4).map(".".join)


@given(st.sets(SCOPES, min_size=1), st.sets(SCOPES))
def test_the_option_matches_exactly_the_modules(inside: set[str], outside: set[str]) -> None:
    outside -= inside
    text = f"CPUExecutionProvider({', '.join(layer_ann.entries(inside, outside))})"

    assert {scope for scope in inside | outside if matched(text, scope)} == inside


def test_what_the_option_cannot_say_is_an_error() -> None:
    with pytest.raises(UsageError, match="nodes of the root have no annotation"):
        FORMATS["layer-ann"](hpass.select(BERT, "="))
    with pytest.raises(UsageError, match=r"no form for the name 'a\(b'"):
        FORMATS["layer-ann"](hpass.select(model('["/a(b/n"] y = Relu(x)'), "*"))
    nodes = " ".join(f'["/m{index}/Relu"] h{index} = Relu(x)' for index in range(2000))
    with pytest.raises(UsageError, match=r"characters of at most 8,192; .*annotate"):
        FORMATS["layer-ann"](hpass.select(model(f"{nodes} y = Neg(x)"), "*"))


def test_an_expression_matches_its_own_name_alone() -> None:
    names = hpass.select(BERT, "**").names
    wanted = hpass.select(BERT, MODULE).names
    expressions = FORMATS["modelopt"](hpass.select(BERT, MODULE)).splitlines()

    assert [name for name in names if any(re.match(expression, name) for expression in expressions)] == wanted


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("nncf", {"names", "validate"}),
        ("aimet", {"names", "precision", "strict"}),
        ("olive", {"passes"}),
    ],
)
def test_a_form_has_the_documented_keys(form: str, keys: set[str]) -> None:
    assert written(form, MODULE).keys() == keys


def test_nncf_is_not_to_look_for_nodes_that_it_removes() -> None:
    assert written("nncf", MODULE)["validate"] is False


def test_aimet_gets_the_weights_and_what_the_nodes_write() -> None:
    source = model('["/m/MatMul"] h = MatMul(x, w) ["/m/Add"] y = Add(h, b)', parameters=("w", "b"))

    assert json.loads(FORMATS["aimet"](hpass.select(source, "m")))["names"] == ["h", "y", "w", "b"]


def test_aimet_gets_no_value_whose_quantizer_may_belong_to_another_module() -> None:
    source = model('["/m/Relu"] h = Relu(x) ["/n/Identity"] i = Identity(h) ["/n/Neg"] y = Neg(i)')

    assert json.loads(FORMATS["aimet"](hpass.select(source, "n")))["names"] == ["y"]
    with pytest.raises(UsageError, match="no weights and write nothing that AIMET quantizes"):
        FORMATS["aimet"](hpass.select(model('["/n/Identity"] y = Identity(x)'), "n"))


def test_a_name_that_is_no_line_is_refused() -> None:
    source = model('["n"] y = Relu(x)')
    source.graph.node[0].name = "a\nb"

    with pytest.raises(HpassError, match=r"cannot be printed; .*rename"):
        FORMATS["names"](hpass.select(source, "**"))
    assert json.loads(FORMATS["nncf"](hpass.select(source, "**"))) == {"names": ["a\nb"], "validate": False}

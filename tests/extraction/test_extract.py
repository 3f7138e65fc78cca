"""One module as a model: it computes what the whole model computes, and asks for no more than it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import hpass
from hpass.errors import HpassError, UsageError
from hpass.extraction.extract import ExtractedModule, Extractor
from hpass.graph.walk import all_nodes
from hpass.tags.scope import is_descendant
from hpass.tags.tag_edits import set_entry
from hpass.tags.tag_format import read_tag

FIXTURES = Path(__file__).parents[2] / "fixtures"
SMALL = [path.stem for path in sorted(FIXTURES.glob("*.onnx")) if path.stem not in {"resnet50", "resnet50_torchscript"}]


def everything(extractor: Extractor) -> list[ExtractedModule]:
    """Extract every call of every module."""
    found: list[ExtractedModule] = []
    for scope in extractor.modules():
        try:
            first = extractor.extract(scope)
        except HpassError as error:
            assert "no node ran in" in str(error)  # noqa: PT017 - any other error fails
            continue
        found += [first, *(extractor.extract(scope, call) for call in range(1, first.calls))]
    return found


def assert_equal(result: Any, expected: Any) -> None:
    assert (result.dtype, result.shape, result.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())


@pytest.mark.parametrize("name", [*SMALL, pytest.param("resnet50", marks=pytest.mark.slow)])
def test_every_module_of_every_fixture_computes_the_same(models: Any, fixture: Any, name: str) -> None:
    extractor = fixture(name)
    modules = everything(extractor)
    values = models.values(extractor, [module for module in modules if module.in_main_graph])
    assert len(modules) > 1
    for module in modules:
        if module.in_main_graph:
            for output, result in models.run(module.model, extractor.folder, values).items():
                assert_equal(result, values[output])
        else:
            models.session(module.model, extractor.folder)


@pytest.mark.parametrize("name", ["bert_tiny", "control_flow", "hybrid"])
def test_a_module_of_an_outlined_model_is_that_of_the_model_before(models: Any, name: str) -> None:
    path = FIXTURES / f"{name}.onnx"
    before, after = Extractor(hpass.run(path)), Extractor(hpass.run(path, "all,outline"))
    modules = everything(after)
    values = models.values(after, [module for module in modules if module.in_main_graph])

    assert operators(modules) == operators(everything(before))
    for module in modules:
        if module.in_main_graph:
            for output, result in models.run(module.model, after.folder, values).items():
                assert_equal(result, values[output])


def operators(modules: list[ExtractedModule]) -> list[tuple[str, int, list[str]]]:
    return [(found.scope, found.call, sorted(node.op_type for node in all_nodes(found.model))) for found in modules]


def without_call(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return a copy of a node without the number of a call, which is that of the whole model."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    set_entry(copy, "hpass.call", None)
    return copy


@pytest.mark.parametrize("name", ["bert_tiny", "control_flow_names", "functions", "hybrid"])
def test_an_extracted_module_keeps_its_tags(fixture: Any, name: str) -> None:
    extractor = fixture(name)
    for module in everything(extractor):
        kept = {node.SerializeToString() for node in module.model.graph.node}
        original = {without_call(node).SerializeToString() for node in all_nodes(extractor.run.model.proto)}
        assert kept - original == set() or module.piece.copies
        assert hpass.Model.open(module.model).stored_modules() is not None
        tags = [read_tag(extractor.model.graph.node[index]) for index in module.piece.nodes if module.in_main_graph]
        inside = [tag for tag in tags if tag is not None and is_descendant(tag.scope, module.scope)]
        assert len(inside) + module.others >= len(tags) - 1  # the holder of a subgraph may be outside


def test_tagging_an_extracted_module_again_gives_the_same_modules(fixture: Any) -> None:
    module = fixture("bert_tiny").extract("encoder.layer.0").model
    stored = [tag.scope for node in module.graph.node if (tag := read_tag(node)) is not None]

    again = hpass.run(module)

    assert [tag.scope for _, tag in again.tags()] == stored


def test_inputs_have_the_types_and_free_sizes_of_the_graph(fixture: Any) -> None:
    module = fixture("bert_tiny").extract("encoder.layer.0").model

    sizes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in module.graph.input
    }

    # The batch size and the length, which the layer reshapes with, are taken from the first input.
    assert sizes == {"layer_norm": ["s72", "s53", 128], "bitwise_and_1": ["s72", 1, "s53", "s53"]}


def test_types_that_the_file_lacks_are_inferred(models: Any) -> None:
    extractor = models.of_text('["a"] h = Relu(x) ["b"] y = Relu(h)', {"a": "m", "b": "n"})

    (value,) = extractor.extract("n").model.graph.input

    assert (value.name, value.type.tensor_type.elem_type) == ("h", onnx.TensorProto.FLOAT)
    assert [dim.dim_value for dim in value.type.tensor_type.shape.dim] == [4, 4]


def test_types_that_only_onnxruntime_knows(models: Any) -> None:
    nodes = '["a"] h = com.microsoft.Gelu(x) ["b"] y = Relu(h)'
    extractor = models.of_text(nodes, {"a": "m", "b": "n"})
    extractor.model.opset_import.add(domain="com.microsoft", version=1)

    (value,) = extractor.extract("n").model.graph.input

    assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_an_input_of_unknown_type_is_an_error(models: Any) -> None:
    extractor = models.of_text('["a"] h = nowhere.Op(x) ["b"] y = Relu(h)', {"a": "m", "b": "n"})

    with pytest.raises(HpassError, match="the type of the input 'h' is unknown"):
        extractor.extract("n")


def test_outer_values_of_subgraphs_and_functions_go_along(models: Any, fixture: Any) -> None:
    gate = fixture("control_flow_names").extract("gate")
    layer = fixture("functions").extract("layer.0")

    assert [function.name for function in layer.model.functions]
    assert any(node.op_type == "If" for node in gate.model.graph.node)
    models.session(gate.model, FIXTURES)
    models.session(layer.model, FIXTURES)


def test_a_module_inside_a_branch(models: Any, fixture: Any) -> None:
    module = fixture("control_flow_names").extract("gate.up.act")

    assert not module.in_main_graph
    models.session(module.model, FIXTURES)


@pytest.mark.parametrize("name", ["hybrid", "hybrid_torchscript"])
def test_each_call_of_a_module(fixture: Any, name: str) -> None:
    extractor = fixture(name)

    first, second = extractor.extract("blocks.0"), extractor.extract("blocks.0", 1)

    assert (first.call, first.calls, second.call, second.calls) == (0, 2, 1, 2)
    assert max(first.piece.nodes) < min(second.piece.nodes)
    # Each call reads all weights of the module.
    own = [
        {weight.name for weight in module.model.graph.initializer if weight.name.startswith("blocks.0.")}
        for module in (first, second)
    ]
    assert own[0] == own[1] != set()


def test_a_module_that_is_named_elsewhere_goes_along_with_its_caller(models: Any) -> None:
    extractor = models.of_text(
        '["a"] h = MatMul(x, w) ["b"] i = Gather(h, k) ["c"] y = Relu(i)',
        {"a": "encoder", "b": "shared", "c": "encoder"},
        parameters=["w"],
    )
    extractor.model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 1, 2, 3]), "k"))
    extractor = Extractor(hpass.api.ensure_tagged(extractor.model))

    module = extractor.extract("encoder")

    assert (len(module.piece.nodes), module.others) == (3, 1)


def test_a_module_that_is_not_convex_is_refused(models: Any) -> None:
    extractor = models.of_text('["a"] h = Relu(x) ["b"] i = Exp(h) ["c"] y = Add(h, i)', {"a": "m", "b": "n", "c": "m"})

    with pytest.raises(HpassError, match="'m' cannot be cut out: it is not convex"):
        extractor.extract("m")


@pytest.mark.parametrize(
    ("scope", "call", "said"),
    [
        ("featurs", None, "no module 'featurs'; did you mean features"),
        ("features", 1, "--call 1: 'features' is called once"),
        ("features.9", None, "no module 'features.9'"),
    ],
)
def test_a_wrong_module_or_call(fixture: Any, scope: str, call: int | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fixture("simple_cnn").extract(scope, call)


def test_a_module_inside_a_function_is_extracted_as_if_inlined(models: Any) -> None:
    extractor = models.of_text(
        '["first"] v = Neg(x) ["call"] y = local.F(v)',
        {"first": "k", "call": "m", "inner": "m.n", "last": "m"},
        functions='<domain: "local", opset_import: ["": 18]> '
        'F (a) => (b) { ["inner"] h = Relu(a) ["last"] b = Abs(h) }',
    )
    module = extractor.extract("m.n")

    assert [node.op_type for node in module.model.graph.node] == ["Relu"]
    assert module.piece.inputs == ("v",)
    assert module.in_main_graph
    assert not module.model.functions


def test_a_module_that_runs_in_the_main_graph_and_in_a_function_is_extracted_whole(models: Any) -> None:
    extractor = models.of_text(
        '["first"] v = Neg(x) ["call"] y = local.F(v)',
        {"first": "m", "call": "", "inner": "m", "last": "k"},
        functions='<domain: "local", opset_import: ["": 18]> '
        'F (a) => (b) { ["inner"] h = Relu(a) ["last"] b = Abs(h) }',
    )

    assert [node.op_type for node in extractor.extract("m").model.graph.node] == ["Neg", "Relu"]


def test_a_function_that_cannot_be_inlined_is_named(models: Any) -> None:
    extractor = models.of_text(
        '["call"] y = local.F(x)',
        {"call": "m", "inner": "m.n"},
        functions='<domain: "local", opset_import: ["": 17]> F (a) => (b) { ["inner"] b = Relu(a) }',
    )

    with pytest.raises(HpassError, match=r"'m.n' runs inside the function 'F', which cannot be inlined"):
        extractor.extract("m.n")


def test_the_python_api(tmp_path: Path) -> None:
    module = hpass.extract(FIXTURES / "external_data.onnx", "fc1")
    module.save(tmp_path / "fc1.onnx")

    onnx.checker.check_model(tmp_path / "fc1.onnx", full_check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fc1.onnx", "fc1.onnx.data"]

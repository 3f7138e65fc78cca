"""aux-inheritance: where the nodes that a quantiser or a fusion inserted run."""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper
from text_models import model, run_pass, scopes_of, tags_of

from hpass import Confidence, Source, Tag
from hpass.passes.aux_inheritance import AuxInheritance

QDQ = (
    '["1"] a = Relu(x) ["a_QuantizeLinear"] q = QuantizeLinear(a, s) ["a_DequantizeLinear"] d = DequantizeLinear(q, s)'
    ' ["2"] b = MatMul(d, x) ["3"] c = MatMul(d, x) ["4"] y = Add(b, c)'
)
DYNAMIC = (
    '["1"] a = Relu(x) ["a_QuantizeLinear"] q, s, z = DynamicQuantizeLinear(a) ["p_scales_mul"] t = Mul(s, x)'
    ' ["p_quant"] p = MatMulInteger(q, q, z) ["p_cast"] f = Cast(p) ["p_output_scale_mul"] g = Mul(f, t)'
    ' ["2"] y = Add(g, x)'
)
QUANTISERS = ("a_QuantizeLinear", "a_DequantizeLinear")


def named(scope: str, confidence: Confidence = Confidence.HIGH) -> Tag:
    return Tag(scope, Source.NAME, confidence)


@pytest.mark.parametrize(
    ("readers", "scope"),
    [
        pytest.param(("b.q", "b.q"), "b.q", id="the module of its readers"),
        pytest.param(("b.q", "b.k"), "b", id="the module that holds all of its readers"),
        pytest.param(("b.q", "c"), "", id="readers of two modules at the root"),
    ],
)
@pytest.mark.parametrize("source", [Source.NAME, Source.PARAMETER])
def test_a_quantiser_is_in_the_module_of_what_reads_its_result(
    readers: tuple[str, str], scope: str, source: Source
) -> None:
    tags = {"1": named("a"), "2": named(readers[0]), "3": named(readers[1]), "4": named("b")}

    context = run_pass(AuxInheritance(), model(QDQ), tags=tags | dict.fromkeys(QUANTISERS, Tag("a", source)))

    found = tags_of(context)
    assert {found[node] for node in QUANTISERS} == {(scope, "inherited", "medium")}


def test_a_quantiser_that_the_exporter_named_stays() -> None:
    nodes = QDQ.replace("a_", "/a/")
    tags = {"1": "a", "/a/QuantizeLinear": "a", "/a/DequantizeLinear": "a", "2": "b", "3": "b", "4": "b"}

    context = run_pass(AuxInheritance(), model(nodes), tags={node: named(scope) for node, scope in tags.items()})

    assert scopes_of(context) == tags


def test_what_converts_the_result_of_a_product_of_integers_is_in_its_module() -> None:
    tags = {"1": named("a"), "p_quant": named("b.q"), "2": named("b")}

    context = run_pass(AuxInheritance(), model(DYNAMIC), tags=tags)

    inserted = ("a_QuantizeLinear", "p_scales_mul", "p_cast", "p_output_scale_mul")
    assert {node: scopes_of(context)[node] for node in inserted} == {
        "a_QuantizeLinear": "b.q",
        "p_scales_mul": "b.q",
        "p_cast": "b.q",
        "p_output_scale_mul": "b.q",
    }


def test_what_follows_from_an_uncertain_tag_is_uncertain() -> None:
    tags = {"1": named("a"), "2": named("b", Confidence.LOW), "3": named("b"), "4": named("b")}

    context = run_pass(AuxInheritance(), model(QDQ), tags=tags | dict.fromkeys(QUANTISERS, named("a")))

    assert {tags_of(context)[node] for node in QUANTISERS} == {("b", "inherited", "low")}


def test_a_product_of_integers_that_nothing_names_goes_with_its_bias() -> None:
    source = model(DYNAMIC.replace("Add(g, x)", "Add(g, bias)"))
    source.graph.initializer.append(helper.make_tensor("bias", TensorProto.FLOAT, [4], [0.0] * 4))

    context = run_pass(AuxInheritance(), source, tags={"1": named("a"), "2": named("b.q")})

    inserted = ("a_QuantizeLinear", "p_scales_mul", "p_quant", "p_cast", "p_output_scale_mul")
    assert {scopes_of(context)[node] for node in inserted} == {"b.q"}


@pytest.mark.parametrize(
    ("before", "after"), [("gemm_input_reshape", "gemm_output_reshape_token_1"), ("m_pre_reshape", "m_post_reshape")]
)
def test_the_reshapes_around_a_fused_product_are_in_its_module(before: str, after: str) -> None:
    nodes = (
        f'["1"] a = Relu(x) ["{before}"] b = Reshape(a, x) ["2"] c = Gemm(b, x) ["{after}"] d = Reshape(c, x)'
        ' ["3"] e = Reshape(d, x) ["4"] y = Relu(e)'
    )
    tags = {"1": named("a"), "2": named("a.q"), "3": named("a"), "4": named("a")}

    context = run_pass(AuxInheritance(), model(nodes), tags=tags)

    assert scopes_of(context) == {node: tag.scope for node, tag in tags.items()} | {before: "a.q", after: "a.q"}

"""scope-parse: what a file says of a node's module, kind by kind, and what says nothing."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from text_models import Metadata, model, run_pass, scopes_of, stack, table, tags_of

import hpass
from hpass import Context, Model, ModuleTable, Pass, Source
from hpass.passes.module_mapping import ModuleMapping
from hpass.passes.scope_parse import ScopeParse

RELU = '["n"] y = Relu(x)'
NO_MODULE = "_empty_nn_module_stack_from_metadata_hook"


class Case(NamedTuple):
    """A model and the tags that it gives: (scope, source, confidence) by the node's name."""

    name: str
    nodes: str
    tags: dict[str, tuple[str, str, str]]
    metadata: Metadata | None = None
    parameters: tuple[str, ...] = ()
    modules: ModuleTable | None = None


def on_n(**metadata: str) -> Metadata:
    return {"n": metadata}


TAGGED = [
    Case("name_scopes: the next-to-last entry", RELU, {"n": ("a.b", "metadata", "high")}, {"n": stack("a", "a.b")}),
    Case("name_scopes: the root itself", RELU, {"n": ("", "metadata", "high")}, {"n": stack()}),
    Case(
        "name_scopes: a module called again", RELU, {"n": ("a.b", "metadata", "high")}, {"n": stack("a@1", "a@1.b@2")}
    ),
    Case("name_scopes: dynamo's root", RELU, {"n": ("a", "metadata", "high")}, {"n": stack("L['self'].a")}),
    Case("name_scopes: a quote in a name", RELU, {"n": ("it's", "metadata", "high")}, {"n": stack("it's")}),
    Case(
        "name_scopes: a lost stack's stand-in is skipped",
        RELU,
        {"n": ("a", "metadata", "high")},
        {"n": stack("a", NO_MODULE)},
    ),
    Case(
        "namespace where name_scopes lacks",
        RELU,
        {"n": ("a.0", "metadata", "high")},
        on_n(namespace=": m.Model/a: m.Stage/a.0: torch.nn.Linear/linear: aten.linear.default"),
    ),
    Case(
        "metadata before names and parameters",
        '["/c/Gemm"] y = Gemm(x, "d.weight")',
        {"/c/Gemm": ("a", "metadata", "high")},
        {"/c/Gemm": stack("a")},
        ("d.weight",),
    ),
    Case(
        "hpass's own tag, whole",
        RELU,
        {"n": ("a", "inherited", "low")},
        {"n": {"hpass.scope": "a", "hpass.tag": "/M/A", "hpass.source": "inherited", "hpass.confidence": "low"}},
    ),
    Case(
        "hpass's own tag, of which the scope survived",
        RELU,
        {"n": ("a", "metadata", "medium")},
        {"n": {"hpass.scope": "a"}},
    ),
    Case(
        "hpass's own tag, of which the confidence was lost",
        RELU,
        {"n": ("a", "name", "medium")},
        {"n": {"hpass.scope": "a", "hpass.source": "name"}},
    ),
    Case(
        "hpass's own tag, of another version's words",
        RELU,
        {"n": ("a", "metadata", "high")},
        {"n": {"hpass.scope": "a", "hpass.source": "guess", "hpass.confidence": "high"}},
    ),
    Case(
        "hpass's own tag before other metadata",
        RELU,
        {"n": ("a", "name", "high")},
        {"n": stack("b") | {"hpass.scope": "a", "hpass.source": "name", "hpass.confidence": "high"}},
    ),
    Case("TorchScript: node name", '["/a/b/Relu"] y = Relu(x)', {"/a/b/Relu": ("a.b", "name", "medium")}),
    Case("TorchScript: the root", '["/Relu_1"] y = Relu(x)', {"/Relu_1": ("", "name", "high")}),
    Case("TorchScript: value name", '["n"] "/a/b/Relu_output_0" = Relu(x)', {"n": ("a.b", "name", "medium")}),
    Case(
        "TorchScript: any of several value names",
        '["n"] "v", "/a/Split_output_1" = Split(x)',
        {"n": ("a", "name", "medium")},
    ),
    Case(
        "TensorFlow's converters: node name",
        '["model/dense/MatMul"] y = MatMul(x, x)',
        {"model/dense/MatMul": ("model.dense", "name", "medium")},
    ),
    Case(
        "TensorFlow's converters: value name",
        '["n"] "model/dense/BiasAdd:0" = Relu(x)',
        {"n": ("model.dense", "name", "medium")},
    ),
    Case(
        "TensorFlow's converters: a path that several nodes share",
        '["m/d/MatMul"] v = MatMul(x, x) ["m/d/Add"] y = Add(v, x)',
        {"m/d/MatMul": ("m.d", "name", "high"), "m/d/Add": ("m.d", "name", "high")},
    ),
    Case(
        "a label is no layer, though it reads the same",
        '["a/Relu"] u = Relu(x) ["/a/Gemm"] v = Gemm(u, "pool.a.weight") ["/a/Relu"] y = Relu(v)',
        {
            "a/Relu": ("a", "name", "medium"),
            "/a/Gemm": ("pool.a", "name", "high"),
            "/a/Relu": ("pool.a", "name", "high"),
        },
        parameters=("pool.a.weight",),
    ),
    Case(
        "tf2onnx: a serving function is no layer",
        '["StatefulPartitionedCall/model/dense/MatMul__12"] y = MatMul(x, x)',
        {"StatefulPartitionedCall/model/dense/MatMul__12": ("model.dense", "name", "medium")},
    ),
    Case(
        "jax2tf's path",
        '["n"] "jax2tf_f/Encoder/Dense_0/dot_general:0" = MatMul(x, x)',
        {"n": ("jax2tf_f.Encoder.Dense_0", "name", "medium")},
    ),
    Case("Paddle: value name", '["n"] "conv2d_3.tmp_0" = Conv(x, x)', {"n": ("conv2d_3", "name", "medium")}),
    Case(
        "Paddle: parameter",
        '["n"] y = Conv(x, "conv2d_3.w_0")',
        {"n": ("conv2d_3", "parameter", "medium")},
        parameters=("conv2d_3.w_0",),
    ),
    Case(
        "the name that a quantiser derived",
        '["/a/MatMul_quant"] y = MatMulInteger(x, x)',
        {"/a/MatMul_quant": ("a", "name", "medium")},
    ),
    Case(
        "the value that a quantiser derived",
        '["n"] "/a/MatMul_output_0_QuantizeLinear_Output" = QuantizeLinear(x, x)',
        {"n": ("a", "name", "medium")},
    ),
    Case(
        "the name that a float16 converter derived",
        '["graph_input_cast_0"] "v" = Cast(x)  ["/a/Relu_output_0_cast_to_fp16"] y = Cast(v)',
        {"/a/Relu_output_0_cast_to_fp16": ("a", "name", "medium")},
    ),
    Case(
        "the name that a fusion derived",
        '["fused /a/b/Conv"] y = FusedConv(x, x)',
        {"fused /a/b/Conv": ("a.b", "name", "medium")},
    ),
    Case(
        "the name that onnxruntime made of two",
        '["/a/MatMul/MatMulAddFusion"] y = Gemm(x, x)',
        {"/a/MatMul/MatMulAddFusion": ("a", "name", "medium")},
    ),
    Case(
        "the name that onnxruntime made of two: the operator before it is no module",
        '["/Gather_1/GatherSliceToSplitFusion"] y = Split(x, x)',
        {"/Gather_1/GatherSliceToSplitFusion": ("", "name", "medium")},
    ),
    Case(
        "parameter",
        '["n"] y = Gemm(x, "a.b.weight")',
        {"n": ("a.b", "parameter", "medium")},
        parameters=("a.b.weight",),
    ),
    Case(
        "parameter: certain where a module table says that the module is called",
        '["n"] y = Gemm(x, "a.weight")',
        {"n": ("a", "parameter", "high")},
        parameters=("a.weight",),
        modules=table({"": "M", "a": {"class": "Linear", "called": True}}),
    ),
    Case(
        "parameter: another module may use the weights of one that may never run",
        '["n"] y = Gemm(x, "a.weight")',
        {"n": ("a", "parameter", "medium")},
        parameters=("a.weight",),
        modules=table({"": "M", "a": "Linear"}),
    ),
    Case(
        "parameter: a container that never runs hands it to the module that does",
        '["n"] y = Gemm(x, "a.prompts.weight")',
        {"n": ("a", "parameter", "high")},
        parameters=("a.prompts.weight",),
        modules=table(
            {"": "M", "a": {"class": "Block", "called": True}, "a.prompts": {"class": "Prompts", "called": False}}
        ),
    ),
    Case(
        "parameter: less certain beside a weight without a name, which was folded in",
        '["n"] y = Conv(x, "a.weight", w)',
        {"n": ("a", "parameter", "medium")},
        parameters=("a.weight", "w"),
        modules=table({"": "M", "a": {"class": "Conv2d", "called": True}}),
    ),
    Case(
        "parameter: less certain beside one that the table's module does not have",
        '["n"] y = Conv(x, "a.weight", "a.shift")',
        {"n": ("a", "parameter", "medium")},
        parameters=("a.weight", "a.shift"),
        modules=table({"": "M", "a": {"class": "Conv2d", "called": True, "parameters": ["weight"]}}),
    ),
    Case(
        "parameter: less certain where the module called right behind left no parameter",
        '["n"] y = Conv(x, "a.weight")',
        {"n": ("a", "parameter", "medium")},
        parameters=("a.weight",),
        modules=table(
            {
                "": "M",
                "a": {"class": "Conv2d", "called": True},
                "b": {"class": "BatchNorm2d", "parameters": ["weight", "bias"]},
            }
        ),
    ),
    Case(
        "parameters that the table's module has",
        '["n"] y = Conv(x, "a.weight", "a.bias")',
        {"n": ("a", "parameter", "high")},
        parameters=("a.weight", "a.bias"),
        modules=table({"": "M", "a": {"class": "Conv2d", "called": True, "parameters": ["weight", "bias"]}}),
    ),
    Case(
        "parameters of several modules: the common ancestor",
        '["n"] y = Conv(x, "a.conv.weight", "a.norm.bias")',
        {"n": ("a", "parameter", "medium")},
        parameters=("a.conv.weight", "a.norm.bias"),
    ),
    Case(
        "parameter: a numbered entry of a list belongs to the list's owner",
        '["n"] y = Add(x, "a.prompts.0")',
        {"n": ("a", "parameter", "medium")},
        parameters=("a.prompts.0",),
    ),
    *(
        Case(
            f"parameter through {op}",
            f'["t"] v = {op}("a.weight") ["n"] y = MatMul(x, v)',
            {"t": ("a", "parameter", "medium"), "n": ("a", "parameter", "medium")},
            parameters=("a.weight",),
        )
        for op in ("Identity", "Transpose", "Cast", "DequantizeLinear")
    ),
    Case(
        "parameter through two operations",
        '["d"] u = DequantizeLinear("a.weight_quantized") ["t"] v = Transpose(u) ["n"] y = MatMul(x, v)',
        dict.fromkeys(("d", "t", "n"), ("a", "parameter", "medium")),
        parameters=("a.weight_quantized",),
    ),
    Case(
        "parameter: merged equal tensors keep their names on Identity outputs",
        '["Identity_3"] "b.bias" = Identity("a.bias") ["m"] v = Add(x, "a.bias") ["n"] y = Add(v, "b.bias")',
        {
            "Identity_3": ("b", "parameter", "medium"),
            "m": ("a", "parameter", "medium"),
            "n": ("b", "parameter", "medium"),
        },
        parameters=("a.bias",),
    ),
    Case(
        "old flat names: parameters alone",
        '["Conv_0"] "3" = Conv(x, "features.0.weight") ["Relu_1"] "4" = Relu("3")'
        ' ["Gemm_2"] y = Gemm("4", "fc.weight")',
        {"Conv_0": ("features.0", "parameter", "medium"), "Gemm_2": ("fc", "parameter", "medium")},
        parameters=("features.0.weight", "fc.weight"),
    ),
    Case(
        "names in a subgraph",
        '["/a/If"] y = If(x) <then_branch = t () => (float[1] u) { ["/a/b/Neg"] u = Neg(x) },'
        ' else_branch = e () => (float[1] v) { ["plain"] v = Abs(x) }>',
        {"/a/If": ("a", "name", "medium"), "/a/b/Neg": ("a.b", "name", "medium")},
    ),
]

UNTAGGED = [
    Case("an unnamed node that reads no parameter", "y = Relu(x)", {}),
    Case("a flat name", '["Relu_12"] y = Relu(x)', {}),
    Case("a name of torch's current exporter", '["node_linear_3"] y = Relu(x)', {}),
    Case(
        "a stack of one entry, the node's own, as in subgraphs",
        RELU,
        {},
        on_n(**{"pkg.torch.onnx.name_scopes": "['linear']"}),
    ),
    Case("an empty stack", RELU, {}, on_n(**{"pkg.torch.onnx.name_scopes": "[]"})),
    Case("a stack that is no list", RELU, {}, on_n(**{"pkg.torch.onnx.name_scopes": "a.b"})),
    Case("a stack that is half a list", RELU, {}, on_n(**{"pkg.torch.onnx.name_scopes": "['', 'a'"})),
    Case(
        "a stack of nothing but the stand-in for a lost one",
        RELU,
        {},
        on_n(**{"pkg.torch.onnx.name_scopes": f"['{NO_MODULE}', 'add_3']"}),
    ),
    Case("the classes alone", RELU, {}, on_n(**{"pkg.torch.onnx.class_hierarchy": "['M', 'A', 'aten.add']"})),
    Case("hpass's class path without the scope", RELU, {}, {"n": {"hpass.tag": "/M/A", "hpass.source": "name"}}),
    Case("a path with a space in it", '["some text/with words/here"] y = Relu(x)', {}),
    Case("a bare name is no parameter", '["n"] y = Add(x, "bias")', {}, parameters=("bias",)),
    Case(
        "nor is one that exporters count out",
        '["n"] y = Add(x, "onnx::MatMul_12")',
        {},
        parameters=("onnx::MatMul_12",),
    ),
    Case("a decimal number is no parameter", '["n"] y = Add(x, "0.5")', {}, parameters=("0.5",)),
    Case(
        "a tied weight, at its second reader that uses it in another way",
        '["/e/Gather"] v = Gather("e.weight", x) ["n"] y = MatMul(v, "e.weight")',
        {"/e/Gather": ("e", "name", "high")},
        parameters=("e.weight",),
    ),
]


@pytest.mark.parametrize("case", [*TAGGED, *UNTAGGED], ids=lambda case: case.name)
def test_what_the_file_says_is_the_tag(case: Case) -> None:
    source = model(case.nodes, metadata=case.metadata, parameters=case.parameters)

    assert tags_of(run_pass(ScopeParse(), source, table=case.modules)) == case.tags


def test_retag_ignores_the_tags_in_the_file() -> None:
    source = model(RELU, metadata={"n": stack("a") | {"hpass.scope": "b"}})

    assert tags_of(run_pass(ScopeParse(), source, retag=True)) == {"n": ("a", "metadata", "high")}


def test_retag_ignores_the_table_that_hpass_wrote_but_not_the_exporter_s() -> None:
    ours, theirs = ({"version": 1, "modules": {"": {"class": name}}} for name in ("Ours", "Theirs"))
    source = model(RELU, properties={"hpass.modules": json.dumps(ours), "module_table": json.dumps(theirs)})

    for retag, class_name in ((True, "Theirs"), (False, "Ours")):
        declared = run_pass(ScopeParse(), source, retag=retag).table.declared
        assert declared is not None
        assert declared[""].class_name == class_name
    del source.metadata_props[1]
    assert run_pass(ScopeParse(), source, retag=True).table.declared is None


def test_serves_comes_back_with_a_whole_tag() -> None:
    kept = {"hpass.scope": "", "hpass.serves": "a", "hpass.source": "inherited", "hpass.confidence": "high"}

    ((_, tag),) = run_pass(ScopeParse(), model(RELU, metadata={"n": kept})).tagged_nodes()

    assert (tag.scope, tag.serves, tag.source) == ("", "a", Source.INHERITED)


def test_winml_s_tag_gives_the_classes_of_the_modules_in_the_name() -> None:
    path = {"winml.hierarchy.tag": "/Model/Encoder/Block.0"}

    context = run_pass(
        ScopeParse(), model('["/encoder/encoder.0/Relu"] y = Relu(x)', metadata={"/encoder/encoder.0/Relu": path})
    )

    assert context.evidence.classes == {"": "Model", "encoder": "Encoder", "encoder.0": "Block"}


def test_winml_s_tag_of_another_depth_than_the_name_gives_no_class() -> None:
    path = {"winml.hierarchy.tag": "/Model/Encoder/Block.0"}

    context = run_pass(ScopeParse(), model('["/encoder/Relu"] y = Relu(x)', metadata={"/encoder/Relu": path}))

    assert context.evidence.classes == {}


def test_class_hierarchy_gives_the_classes_of_the_modules_in_name_scopes() -> None:
    metadata = {"n": stack("a", "a.0", classes=("pkg.Model", "pkg.Stage", "torch.nn.Linear"))}

    context = run_pass(ScopeParse(), model(RELU, metadata=metadata))

    assert context.evidence.classes == {"": "pkg.Model", "a": "pkg.Stage", "a.0": "torch.nn.Linear"}


def test_an_empty_class_in_class_hierarchy_gives_no_class() -> None:
    source = model(
        '["n"] v = Relu(x) ["m"] y = Relu(v)',
        metadata={"n": stack("a", classes=["Net", ""]), "m": stack("a", classes=["Net", "A"])},
    )
    context = run_pass(ScopeParse(), source)
    assert context.evidence.classes == {"": "Net", "a": "A"}


def test_class_hierarchy_of_another_length_gives_no_class() -> None:
    context = run_pass(ScopeParse(), model(RELU, metadata={"n": stack("a", classes=("pkg.Model",))}))

    assert scopes_of(context) == {"n": "a"}
    assert context.evidence.classes == {}


def test_a_folded_value_carries_the_parameter_it_was_made_from() -> None:
    source = model('["n"] y = MatMul(x, val_3)', parameters=("val_3",))
    source.graph.initializer[0].metadata_props.add(key="pkg.onnxscript.optimizer.folded_from", value="['a.weight']")

    assert tags_of(run_pass(ScopeParse(), source)) == {"n": ("a", "parameter", "medium")}


def test_a_value_folded_from_several_parameters_names_none() -> None:
    source = model('["n"] y = MatMul(x, val_3)', parameters=("val_3",))
    source.graph.initializer[0].metadata_props.add(
        key="pkg.onnxscript.optimizer.folded_from", value="['a.weight', 'b.weight']"
    )

    assert tags_of(run_pass(ScopeParse(), source)) == {}


def test_a_conv_that_a_normalisation_was_folded_into_is_left_to_other_evidence() -> None:
    names = ("a.conv.weight", "a.conv.weight_bias")

    context = run_pass(
        ScopeParse(), model('["n"] y = Conv(x, "a.conv.weight", "a.conv.weight_bias")', parameters=names)
    )

    assert tags_of(context) == {}


def test_a_table_of_the_inner_model_is_brought_to_the_file_s_root() -> None:
    nodes = "".join(f'["{i}"] v{i} = MatMul(x, "bert.layer.{i}.weight")' for i in range(2))
    names = [f"bert.layer.{i}.weight" for i in range(2)]
    inner = table({"": "Inner", "layer.0": "Linear", "layer.1": "Linear"})

    context = run_pass(ScopeParse(), model(nodes, parameters=names), table=inner)

    assert scopes_of(context) == {"0": "bert.layer.0", "1": "bert.layer.1"}
    assert context.table.modules["bert.layer.0"].class_name == "Linear"
    assert context.table.modules["bert"].class_name == "Inner"


def test_a_table_of_the_outer_model_is_brought_to_the_file_s_root() -> None:
    outer = table({"": "Outer", "bert": "Inner", "bert.layer.0": "Linear", "head": "Linear"})

    context = run_pass(
        ScopeParse(), model('["n"] y = MatMul(x, "layer.0.weight")', parameters=["layer.0.weight"]), table=outer
    )

    assert scopes_of(context) == {"n": "layer.0"}
    assert context.table.modules[""].class_name == "Inner"
    assert "head" not in context.table.modules


def test_a_broken_table_in_the_file_is_a_warning() -> None:
    context = run_pass(ScopeParse(), model(RELU, properties={"module_table": "{"}))

    (finding,) = context.findings
    assert (finding.severity, finding.rule) == ("warning", "broken-module-table")
    assert context.table.declared is None


def test_the_reason_names_the_evidence() -> None:
    context = run_pass(ScopeParse(), model('["n"] y = Gemm(x, "a.weight")', parameters=["a.weight"]))

    assert [context.tags.reason(node) for node in context.nodes()] == ["it reads the parameter 'a.weight'"]


def test_all_evidence_is_kept_the_strongest_first() -> None:
    source = model('["/b/Gemm"] y = Gemm(x, "c.weight")', metadata={"/b/Gemm": stack("a")}, parameters=["c.weight"])
    context = run_pass(ScopeParse(), source)

    (node,) = context.nodes()
    claims = context.evidence.claims[node]
    assert [(claim.scope, claim.source.value, claim.text) for claim in claims] == [
        ("a", "metadata", repr(["", "a", "node"])),
        ("b", "name", "/b/Gemm"),
        ("c", "parameter", "c.weight"),
    ]


def test_a_second_run_adds_no_evidence() -> None:
    source = model('["/b/Gemm"] y = Gemm(x, "c.weight")', metadata={"/b/Gemm": stack("a")}, parameters=["c.weight"])
    context = run_pass(ScopeParse(), source)
    (node,) = context.nodes()
    before = list(context.evidence.claims[node])

    result = ScopeParse().run(context)

    assert context.evidence.claims[node] == before
    assert not result.changed


@pytest.mark.parametrize("inner", [True, False])
def test_a_table_is_aligned_whichever_pass_meets_it_first(*, inner: bool) -> None:
    modules = {"": "Inner", "layer.0": "Linear"} if inner else {"": "Outer", "top": "Inner", "top.layer.0": "Linear"}
    weight = "bert.layer.0.weight" if inner else "layer.0.weight"
    source = model(f'["n"] y = MatMul(x, "{weight}")', parameters=[weight])
    passes: tuple[Pass, Pass] = (ScopeParse(), ModuleMapping())

    tables: list[object] = []
    for order in (passes, passes[::-1], passes * 2):
        context = Context(Model.open(source), given=table(modules))
        for step in order:
            step.run(context)
        tables.append((context.table.modules.to_json(), scopes_of(context)))

    assert tables[1:] == tables[:1] * 2


def test_names_of_tagged_nodes_tell_a_second_run_nothing_of_the_table() -> None:
    tagged = hpass.run(model('["/a.1/Relu"] u = Relu(x) ["/a/b/Neg"] y = Neg(u)')).apply()
    table = '{"version":1,"modules":{"":{"called":true},"a":{},"a.1":{},"a.b":{}}}'
    next(entry for entry in tagged.metadata_props if entry.key == "hpass.modules").value = table

    assert table in [entry.value for entry in hpass.run(tagged).apply().metadata_props]

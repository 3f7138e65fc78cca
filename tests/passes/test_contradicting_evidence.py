"""What names, parameters and tables say if they contradict each other or do not suffice: nothing wrong is `high`."""

from __future__ import annotations

import onnx
import pytest
from onnx import compose
from text_models import model, stack, table, tags_of

import hpass

SCOPE_PARSE = "scope-parse"
TWO_LINEARS = {"": "L", "A": "ModuleDict", "A.d": "Linear", "B": "ModuleDict", "B.d": "Linear"}


def found(source: onnx.ModelProto, modules: dict[str, object] | None = None) -> dict[str, tuple[str, str]]:
    """Return scope and confidence of each node that scope-parse tags, by name."""
    run = hpass.run(source, SCOPE_PARSE, modules=None if modules is None else table(modules))
    return {name: (scope, confidence) for name, (scope, _, confidence) in tags_of(run.context).items()}


def test_a_name_wins_over_a_parameter_that_came_through_a_merging_identity() -> None:
    source = model(
        '["i"] copy = Identity("b.1.bias") ["/b/b.0/Conv"] u = Conv(x, v, copy)'
        ' ["/b/b.1/Conv"] y = Conv(u, w, "b.1.bias")',
        parameters=["b.1.bias", "v", "w"],
    )

    assert found(source)["/b/b.0/Conv"][0] == "b.0"


def test_a_node_that_writes_a_value_of_another_name_replaces_nodes_of_both_modules() -> None:
    source = model(
        '["/m/a/Conv"] "/m/Add_output_0" = Conv(x, v) ["/m/b/Relu"] u = Relu("/m/Add_output_0")'
        ' ["/m/b/Mul"] "/m/b/Mul_output_0" = Mul(u, "m.b.scale") ["/Relu"] y = Relu("/m/b/Mul_output_0")',
        parameters=["v", "m.b.scale"],
    )

    assert found(source)["/m/a/Conv"] == ("m", "medium")
    assert found(source)["/m/b/Mul"] == ("m.b", "high")


def test_equal_parameters_stored_once_do_not_name_the_second_reader() -> None:
    source = model(
        '["one"] a = MatMul(x, "p.fc.weight") ["two"] b = Norm(a, "p.norm.weight")'
        ' ["three"] c = MatMul(b, "q.fc.weight") ["four"] y = Norm(c, "p.norm.weight")',
        parameters=["p.fc.weight", "p.norm.weight", "q.fc.weight"],
    )
    modules = {"": "M", "p": "B", "p.fc": "L", "p.norm": "N", "q": "B", "q.fc": "L", "q.norm": "N"}

    assert "four" not in found(source, modules)
    assert found(source, modules | {"q.norm": "Other"})["four"][0] == "p.norm"


def test_a_parameter_that_is_read_again_is_not_certain_if_the_file_lacks_another_that_may_equal_it() -> None:
    """The scale of `n` may be stored under the name of `m`'s, for whichever of the two readers."""
    source = model(
        '["a"] u = MatMul(x, "fc.weight") ["b"] v = Mul(u, "m.scale") ["c"] y = Mul(v, "m.scale")',
        parameters=["fc.weight", "m.scale"],
    )
    modules: dict[str, object] = {
        "": "M",
        "fc": {"class": "Linear", "called": True, "parameters": ["weight"]},
        "m": {"class": "Scale", "called": True, "parameters": ["scale"]},
    }

    assert {confidence for _, confidence in found(source, modules).values()} == {"high"}
    modules["n"] = {"class": "Scale", "parameters": ["scale"]}
    assert found(source, modules) == {"a": ("fc", "high"), "b": ("m", "medium")}


def test_a_normalisation_that_runs_its_activation_may_have_been_folded() -> None:
    source = model('["a"] u = Conv(x, "c.weight") ["b"] y = Relu(u)', parameters=["c.weight"])
    modules = {
        "": {"class": "M", "called": True, "order": 0},
        "c": {"class": "Conv2d", "called": True, "order": 1, "parameters": ["weight"]},
        "bn": {"class": "BatchNormAct", "called": True, "order": 2, "parameters": ["weight", "bias"]},
        "bn.act": {"class": "ReLU", "called": True, "order": 3},
    }

    assert found(source, modules) == {"a": ("c", "medium")}


def test_modules_that_were_folded_into_others_leave_a_parameter_certain() -> None:
    source = model(
        '["a"] u = MatMul(x, "c.weight") ["b"] v = MatMul(u, "fc.weight") ["c"] y = MatMul(v, "fc.weight")',
        parameters=["c.weight", "fc.weight"],
    )
    modules = {
        "": "M",
        "c": {"class": "Conv2d", "called": True, "order": 1, "parameters": ["weight"]},
        "bn": {"class": "BatchNorm2d", "called": True, "order": 2, "parameters": ["weight", "bias"]},
        "fc": {"class": "Linear", "called": True, "order": 3, "parameters": ["weight"]},
    }

    assert [confidence for _, confidence in found(source, modules).values()] == ["medium", "high", "high"]


def test_a_parameter_by_an_alias_is_its_module_s_but_which_name_ran_is_not_certain() -> None:
    source = model('["a"] y = MatMul(x, "body.fc.weight")', parameters=["body.fc.weight"])
    modules = {"": "M", "stem": {"class": "S", "aliases": ["body"]}, "stem.fc": {"class": "L", "aliases": ["body.fc"]}}

    assert found(source, modules) == {"a": ("stem.fc", "medium")}


@pytest.mark.parametrize("separator", ["_", "/", ".", ""])
def test_each_of_two_merged_models_is_a_tree_below_its_prefix(separator: str) -> None:
    nodes = '["/fc/Gemm"] "/fc/Gemm_output_0" = Gemm(x, "fc.weight") ["/Relu"] y = Relu("/fc/Gemm_output_0")'
    one, two = (model(nodes, parameters=["fc.weight"]) for _ in range(2))

    merged = compose.merge_models(one, two, io_map=[("y", "x")], prefix1=f"enc{separator}", prefix2=f"dec{separator}")

    assert sorted(scope for scope, _ in found(merged).values()) == ["dec", "dec.fc", "enc", "enc.fc"]


@pytest.mark.parametrize("separator", ["_", "/", ".", ""])
@pytest.mark.parametrize("read", ["fc.weight", "val_0"])
def test_each_of_two_merged_models_is_a_tree_in_metadata_too(separator: str, read: str) -> None:
    """The name of a node tells as well, where no parameter does."""
    nodes = f'["node_gemm"] gemm = Gemm(x, "{read}") ["node_relu"] y = Relu(gemm)'
    metadata = {"node_gemm": stack("fc"), "node_relu": stack("act")}
    one, two = (model(nodes, metadata=metadata, parameters=[read]) for _ in range(2))

    merged = compose.merge_models(one, two, io_map=[("y", "x")], prefix1=f"enc{separator}", prefix2=f"dec{separator}")

    assert found(merged) == {
        f"enc{separator}node_gemm": ("enc.fc", "high"),
        f"enc{separator}node_relu": ("enc.act", "high"),
        f"dec{separator}node_gemm": ("dec.fc", "high"),
        f"dec{separator}node_relu": ("dec.act", "high"),
    }


def test_a_prefix_of_the_whole_file_is_no_module() -> None:
    source = model('["/fc/Gemm"] h = Gemm(x, "fc.weight") ["/Relu"] y = Relu(h)', parameters=["fc.weight"])

    assert {scope for scope, _ in found(compose.add_prefix(source, "all_")).values()} == {"fc", ""}


def test_a_call_that_passes_parameters_of_several_modules_is_their_parent_s() -> None:
    source = model(
        '["/m/b/F"] y = local.F(x, "m.a.weight", "m.b.weight")',
        parameters=["m.a.weight", "m.b.weight"],
        functions='<domain: "local", opset_import: ["": 18]> F (i, v, w) => (o)'
        ' { ["f"] h = Gemm(i, v) ["g"] o = Gemm(h, w) }',
    )

    assert found(source) == {"/m/b/F": ("m", "medium"), "f": ("m.a", "medium"), "g": ("m.b", "medium")}


def test_a_key_that_ends_like_a_repeated_call_is_the_module_of_that_name() -> None:
    names = ["s.x@1.weight", "s.x@2.weight"]
    metadata = {"a": stack("s.x@1"), "b": stack("s.x@2"), "c": stack("s.y@1")}
    source = model(
        f'["a"] u = Gemm(x, "{names[0]}") ["b"] v = Gemm(u, "{names[1]}") ["c"] y = Relu(v)',
        metadata=metadata,
        parameters=names,
    )

    assert [scope for scope, _ in found(source).values()] == ["s.x@1", "s.x@2", "s.y"]


def test_the_name_of_a_graph_output_is_no_path() -> None:
    source = model('["a"] h = Gemm(x, "head.weight") ["b"] y = Relu(h)', parameters=["head.weight"])
    source.graph.output[0].name = source.graph.node[1].output[0] = "pred/boxes"

    assert found(source) == {"a": ("head", "medium")}


def test_a_suffix_that_no_parameter_and_no_table_explains_is_not_certain() -> None:
    source = model('["/relu/Relu"] u = Relu(x) ["/relu_1/Relu"] y = Relu(u)')

    assert found(source) == {"/relu/Relu": ("relu", "medium"), "/relu_1/Relu": ("relu", "medium")}
    assert found(source, {"": "M", "relu": "ReLU"}) == {
        "/relu/Relu": ("relu", "high"),
        "/relu_1/Relu": ("relu", "high"),
    }


@pytest.mark.parametrize(
    ("modules", "scopes"),
    [
        (None, ["d", "d_1"]),
        ({"": "L", "A": "ModuleDict", "A.d": "Linear", "B": "ModuleDict", "B.d": "Linear"}, ["A.d", "B.d"]),
    ],
)
def test_other_weights_mean_another_module(modules: dict[str, object] | None, scopes: list[str]) -> None:
    source = model('["/d/MatMul"] u = MatMul(x, v) ["/d_1/MatMul"] y = MatMul(u, w)', parameters=["v", "w"])

    assert list(found(source, modules).values()) == [(scope, "medium") for scope in scopes]


def test_a_complete_table_admits_no_module_outside_it() -> None:
    modules = {
        "": "S",
        "body": "ModuleDict",
        "body.p": "Sequential",
        "body.p.0": "ReLU",
        "out": "ModuleDict",
        "out.p": "Linear",
    }
    source = model('["/p/p.0/Relu"] h = Relu(x) ["/p/Gemm"] y = Gemm(h, "out.p.weight")', parameters=["out.p.weight"])

    assert found(source, modules) == {"/p/p.0/Relu": ("body.p.0", "high"), "/p/Gemm": ("out.p", "high")}


def test_a_module_called_inside_another_is_found_elsewhere_in_the_table() -> None:
    source = model(
        '["/net/net.0/Gemm"] u = Gemm(x, "net.0.weight") ["/net/act/Relu"] v = Relu(u) ["/net/act_1/Relu"] y = Relu(v)',
        parameters=["net.0.weight"],
    )

    assert [*found(source).values()][1:] == [("act", "medium"), ("act", "medium")]
    assert [*found(source, {"": "M", "act": "ReLU", "net": "Sequential", "net.0": "Linear"}).values()][1:] == [
        ("act", "high"),
        ("act", "high"),
    ]


@pytest.mark.parametrize(
    ("class_name", "confidence"),
    [("Linear", "medium"), ("torch.nn.modules.linear.Linear", "medium"), ("Embedding", "high"), ("Mine", "high")],
)
def test_a_weight_read_as_no_module_of_its_class_reads_it_is_tied(class_name: str, confidence: str) -> None:
    """The embedding's name of the matrix is lost, and no Linear looks up rows."""
    source = model('["look up"] y = Gather("head.weight", x)', parameters=["head.weight"])

    assert found(source, {"": "M", "head": {"class": class_name, "called": True}}) == {"look up": ("head", confidence)}


RELU_TWICE = (
    '["/fc/Gemm"] a = Gemm(x, "fc.weight") ["/relu/Relu"] b = Relu(a) ["/fc2/Gemm"] c = Gemm(b, "fc2.weight")'
    ' ["/relu_1/Relu"] d = Relu(c) ["/fc3/Gemm"] e = Gemm(d, "fc3.weight") ["/relu_1/Relu_1"] y = Relu(e)'
)


@pytest.mark.parametrize(
    ("modules", "scopes"),
    [
        pytest.param(None, ["relu", "relu_1", "relu"], id="without a table"),
        pytest.param(["relu", "relu_1"], ["relu", "relu_1", "relu"], id="the table has both modules"),
        pytest.param(["relu"], ["relu", "relu", "relu"], id="the table has one of them"),
    ],
)
def test_a_suffix_that_counts_calls_and_is_a_name_as_well(modules: list[str] | None, scopes: list[str]) -> None:
    parameters = ["fc.weight", "fc2.weight", "fc3.weight"]
    others = {"": "M", "fc": "Linear", "fc2": "Linear", "fc3": "Linear"}
    modules_table = None if modules is None else others | dict.fromkeys(modules, "ReLU")

    tags = found(model(RELU_TWICE, parameters=parameters), modules_table)

    ambiguous = [tags["/relu_1/Relu"], tags["/relu_1/Relu_1"]]
    assert [tags["/relu/Relu"][0], *(scope for scope, _ in ambiguous)] == scopes
    if modules != ["relu"]:
        assert {confidence for _, confidence in ambiguous} == {"medium"}


def test_names_that_stop_above_all_parameters_are_cut() -> None:
    source = model(
        '["/b.0/Gemm"] u = Gemm(x, "b.0.fc.weight") ["/b.0/Relu"] v = Relu(u)'
        ' ["/head/Gemm"] y = Gemm(v, "head.weight")',
        parameters=["b.0.fc.weight", "head.weight"],
    )

    assert found(source) == {
        "/b.0/Gemm": ("b.0.fc", "medium"),
        "/b.0/Relu": ("b.0", "medium"),
        "/head/Gemm": ("head", "high"),
    }


def test_a_parameter_read_in_two_branches_names_both_readers_and_the_if() -> None:
    source = model(
        '["if"] y = If(x) <then_branch = t () => (float[1] u) { ["gemm"] g = Gemm(x, "s.fc.weight")'
        ' ["mul"] u = Mul(g, "s.w") },'
        ' else_branch = e () => (float[1] v) { ["div"] v = Div(x, "s.w") }>',
        parameters=["s.w", "s.fc.weight"],
    )

    tags = tags_of(hpass.run(source, "scope-parse,module-mapping,aux-inheritance").context)

    assert {name: scope for name, (scope, _, _) in tags.items()} == {"gemm": "s.fc", "mul": "s", "div": "s", "if": "s"}


def test_a_table_that_lacks_the_owner_of_a_parameter_is_not_complete() -> None:
    source = model('["/a/Gemm"] u = Gemm(x, "a.weight") ["/b/Relu"] y = Relu(u)', parameters=["a.weight"])

    assert found(source, {"": "M", "other": "O"})["/b/Relu"] == ("b", "medium")
    assert found(source, {"": "M", "a": "A"})["/b/Relu"] == ("", "medium")

from __future__ import annotations

import pytest
from product import ROOT
from text_models import model

import hpass
from hpass import HpassError, UsageError

BERT = ROOT / "fixtures" / "bert_tiny.onnx"
FUNCTION = """
<domain: "local", opset_import: ["": 18]> twice (a) => (c) { ["in"] b = Relu(a) ["out"] c = Neg(b) }
"""


def test_a_selection_has_the_modules_and_the_nodes_in_order() -> None:
    run = hpass.run(BERT)
    selection = hpass.select(run, "pooler")

    assert selection.modules == ("pooler", "pooler.activation", "pooler.dense")
    assert [node.op for node in selection.nodes] == ["Gather", "Gemm", "Tanh"]
    assert selection.names == [node.name for node, tag in run.tags() if tag.scope.startswith("pooler")]


def test_tags_in_the_file_and_tags_of_a_run_select_the_same(tmp_path: object) -> None:
    run = hpass.run(BERT)
    path = f"{tmp_path}/tagged.onnx"
    run.save(path)

    assert (
        hpass.select(path, "**.self").names == hpass.select(run, "**.self").names == hpass.select(BERT, "**.self").names
    )


def test_every_node_is_in_exactly_one_part_of_a_division() -> None:
    run = hpass.run(BERT)
    names = [set(hpass.select(run, *patterns).names) for patterns in (["encoder"], ["!encoder"])]

    assert not names[0] & names[1]
    assert names[0] | names[1] == {node.name for node, _ in run.tags()}


def test_a_body_node_comes_once_for_each_call() -> None:
    source = model(
        '["/a/one"] h = local.twice(x) ["/b/two"] y = local.twice(h)',
        functions=FUNCTION,
    )

    found = [(instance.node.name, [call.name for call in instance.calls]) for instance in hpass.instances(source)]

    assert found == [
        ("/a/one", []),
        ("in", ["/a/one"]),
        ("out", ["/a/one"]),
        ("/b/two", []),
        ("in", ["/b/two"]),
        ("out", ["/b/two"]),
    ]


def tagged_with_within() -> hpass.Model:
    tagged = hpass.run(model('["/a/one"] h = local.twice(x) ["/b/two"] y = local.twice(h)', functions=FUNCTION))
    for node in tagged.apply().functions[0].node:
        node.metadata_props.add(key="hpass.within", value="inner")
    return tagged.model


def test_the_module_of_a_body_node_is_relative_to_the_call() -> None:
    scopes = [instance.scope for instance in hpass.instances(tagged_with_within()) if instance.calls]

    assert scopes == ["a.inner", "a.inner", "b.inner", "b.inner"]


def test_some_calls_of_a_shared_body_are_no_set_of_nodes() -> None:
    both = hpass.select(tagged_with_within(), "a", "b")
    one = hpass.select(tagged_with_within(), "a.inner")

    assert len(both.nodes) == 4
    assert len(one.instances) == 2
    with pytest.raises(UsageError, match=r"only some calls of a function .* all,inline"):
        _ = one.nodes


def test_a_function_that_calls_itself_ends() -> None:
    function = '<domain: "local", opset_import: ["": 18, "local": 1]> loop (a) => (b) { b = local.loop(a) }'

    assert len(list(hpass.instances(model("y = local.loop(x)", functions=function)))) == 2


def test_nodes_without_a_name_of_their_own_have_no_list_of_names() -> None:
    with pytest.raises(HpassError, match=r"1 of 2 selected nodes have no name; .*rename"):
        _ = hpass.select(model('["/a/n"] h = Relu(x) y = Neg(h)'), "**").names
    source = model('["n"] h = MatMul(x, p) ["n"] y = MatMul(h, q)', parameters=("p", "q"))
    source.graph.node[0].input[1] = source.graph.initializer[0].name = "a.weight"
    with pytest.raises(HpassError, match="outside the selection is also named 'n'"):
        _ = hpass.select(source, "a").names


def test_a_model_of_which_only_the_root_is_known_says_what_tells_of_modules() -> None:
    says = "only the root is known; --model, --modules or --reference tells of more modules"
    with pytest.raises(UsageError, match=f"no module matches 'encoder'; {says}"):
        hpass.select(model("y = Relu(x)"), "encoder")
    with pytest.raises(UsageError, match=f"no module 'encoder'; {says}"):
        hpass.extract(model("y = Relu(x)"), "encoder")
    with pytest.raises(UsageError, match=f"no module matches 'encoder'; {says}"):
        hpass.run(model("y = Relu(x)"), "all,outline", settings={"outline.modules": "encoder"})


def test_a_selection_without_nodes_is_an_error() -> None:
    with pytest.raises(UsageError, match="no node runs in the selected modules"):
        hpass.select(hpass.run(BERT), "=encoder.layer")
    with pytest.raises(UsageError, match="take away all"):
        hpass.select(hpass.run(BERT), "encoder", "!encoder")
    with pytest.raises(UsageError, match="no pattern is given"):
        hpass.select(BERT)

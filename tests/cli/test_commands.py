"""The commands beside run: passes, tree, show, validate, strip."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import text_models

from hpass.inference import predict

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def tagged(hpass: Any, model: Path) -> Path:
    assert hpass("run", model).status == 0
    return model.with_name("model.tagged.onnx")


def test_passes_lists_every_pass_with_options_types_and_defaults(hpass: Any) -> None:
    out = hpass("passes").out

    assert [line for line in out.splitlines() if line and not line.startswith(" ")] == [
        "scope-parse",
        "module-mapping",
        "aux-inheritance",
        "fallback",
        "call-number",
        "validation",
        "rename",
        "annotate",
        "outline",
        "inline",
    ]
    assert "  :runtime=true|false (default false)\n" in out


def test_passes_as_json_has_the_same(hpass: Any) -> None:
    entries = {entry["name"]: entry for entry in json.loads(hpass("passes", "--json").out)}

    assert next(iter(entries)) == "scope-parse"
    assert {"name": "checker", "type": "true|false", "default": "true"}.items() <= entries["validation"]["options"][
        1
    ].items()
    assert [name for name, entry in entries.items() if entry["rewrites"]] == ["rename", "annotate", "outline", "inline"]


def test_tree_counts_nodes_in_each_module_and_below_it(hpass: Any, model: Path) -> None:
    lines = hpass("tree", model).out.splitlines()

    assert lines[:4] == [
        "  own    all",
        "    0     29  (root)",
        "    0      6  ├─ features",
        "    0      2  │  ├─ 0",
    ]
    assert lines[-1] == "    1      1     └─ out"


def test_tree_of_a_tagged_model_is_what_its_tags_say(hpass: Any, tagged: Path) -> None:
    proto = onnx.load(tagged)
    for node in proto.graph.node:
        for prop in node.metadata_props:
            if prop.key == "hpass.scope" and prop.value.startswith("features"):
                prop.value = "features"
    onnx.save(proto, tagged)

    assert "    6      6  ├─ features" in hpass("tree", tagged).out


def test_tree_stops_at_a_depth(hpass: Any, model: Path) -> None:
    assert len(hpass("tree", model, "--depth", "1").out.splitlines()) == 4
    assert hpass("tree", model, "--depth", "0").out.splitlines()[1:] == ["    0     29  (root)"]


def test_tree_takes_the_evidence_options_of_run(hpass: Any, tagged: Path) -> None:
    table = FIXTURES / "modules" / "simple_cnn_torchscript.json"

    assert "SimpleCnn" in hpass("tree", tagged, "--modules", table).out


def test_tree_as_json_nests(hpass: Any, model: Path) -> None:
    tree = json.loads(hpass("tree", model, "--json").out)

    assert (tree["scope"], tree["own"], tree["all"]) == ("", 0, 29)
    assert [child["scope"] for child in tree["children"]] == ["features", "classifier"]


def test_show_tells_the_tag_the_reason_and_the_evidence(hpass: Any, model: Path) -> None:
    result = hpass("show", model, "/classifier/out/Gemm")

    assert result.status == 0
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0] == "#28 Gemm /classifier/out/Gemm"
    assert "tag /classifier/out (where it ran)" in lines
    assert "source name, confidence high" in lines
    assert "reason its node name '/classifier/out/Gemm' (scope-parse)" in lines
    assert "for parameter 'classifier.out.weight' names classifier.out" in lines


def test_show_tells_the_call_of_a_module_that_is_called_twice(hpass: Any) -> None:
    out = hpass("show", FIXTURES / "hybrid.onnx", "node_add_392").out

    assert "call 1 of the module's calls, from 0" in [" ".join(line.split()) for line in out.splitlines()]


def test_show_tells_where_a_node_ran_from_whom_it_serves(hpass: Any) -> None:
    out = hpass("show", FIXTURES / "bert_tiny_torchscript.onnx", "/Where_2").out

    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[2:5] == [
        "tag /encoder (whom it serves)",
        "scope (root) (where it ran)",
        "serves encoder (whom it serves)",
    ]


def test_show_tells_what_speaks_against_the_tag(hpass: Any, model: Path) -> None:
    proto = onnx.load(model)
    for tensor in proto.graph.initializer:
        tensor.name = tensor.name.replace("classifier.out.", "other.")
    for node in proto.graph.node:
        node.input[:] = [name.replace("classifier.out.", "other.") for name in node.input]
    onnx.save(proto, model)

    lines = [" ".join(line.split()) for line in hpass("show", model, "#28").out.splitlines()]

    assert "against parameter 'other.weight' names other" in lines


def test_show_finds_a_node_by_a_value_that_it_writes_or_reads(hpass: Any, model: Path) -> None:
    for text in ("/features/features.0/conv/Conv_output_0", _weight(model)):
        assert hpass("show", model, text).out.startswith("#0 Conv ")


def _weight(model: Path) -> str:
    """Return the name of the weight that the first node reads; nobody writes it."""
    return onnx.load(model).graph.node[0].input[1]


def test_show_finds_a_node_of_a_subgraph_by_its_position(hpass: Any, control_flow: Path) -> None:
    result = hpass("show", control_flow, "#4/else_branch#1/then_branch#0")

    assert result.out.startswith("#4/else_branch#1/then_branch#0 Neg")


def test_show_lists_all_nodes_that_match(hpass: Any, model: Path) -> None:
    proto = onnx.load(model)
    proto.graph.node[1].name = proto.graph.node[0].name
    onnx.save(proto, model)

    out = hpass("show", model, proto.graph.node[0].name).out

    assert [line.split()[:2] for line in out.splitlines()] == [["#0", "Conv"], ["#1", "Relu"]]


def test_show_lists_the_nodes_of_a_module(hpass: Any, model: Path) -> None:
    out = hpass("show", model, "features.0").out
    entries = json.loads(hpass("show", model, "features.0", "--json").out)

    assert [line.split() for line in out.splitlines()] == [
        [entry["position"], entry["op"], entry["name"], entry["scope"]] for entry in entries
    ]
    assert {entry["scope"] for entry in entries} == {"features.0.conv", "features.0.act"}


def test_show_lists_the_nodes_of_a_function_in_the_modules_of_its_calls(hpass: Any, tmp_path: Path) -> None:
    path = tmp_path / "outlined.onnx"
    hpass("run", FIXTURES / "bert_tiny.onnx", "-o", path, "--passes", "all,outline")
    dense = "encoder.layer.1.output.dense"
    lines = [line.split() for line in hpass("show", path, dense, "--stored").out.splitlines()]
    (entry, *_) = json.loads(hpass("show", path, dense, "--stored", "--json").out)

    assert [(op, scope) for _, op, _, scope in lines] == [("MatMul", dense), ("Add", dense)]
    assert hpass("show", path, dense).out == hpass("show", path, dense, "--stored").out
    assert entry["calls"][1] == "/encoder/layer.1/BertLayer"
    assert (entry["scope"], entry["tag"].rpartition("/")[2]) == (dense, "Linear")
    shared = " ".join(hpass("show", path, lines[0][0]).out.split())
    assert "scope encoder (where all calls of its function lie)" in shared
    assert "runs in encoder.layer.0.output.dense, encoder.layer.1.output.dense" in shared


INHERITED = '["/a/Relu"] u = Relu(x) ["n"] v = Abs(u) ["n"] w = Exp(v) ["/b/Relu"] y = Relu(w)'


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how often modules are predicted, and how often contributions are computed."""
    counts: Counter[str] = Counter()

    def counted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            counts[name] += 1
            return original(*given, **named)

        return call

    for name in ("final_context", "attributions"):
        monkeypatch.setattr(predict, name, counted(name, getattr(predict, name)))
    return counts


def test_show_predicts_and_explains_a_node_in_one_go(hpass: Any, calls: Counter[str], tmp_path: Path) -> None:
    onnx.save(text_models.model(INHERITED), tmp_path / "model.onnx")

    out = hpass("show", tmp_path / "model.onnx", "#1").out

    assert re.search(r"^  (for|against) +[+-]\d\.\d ", out, re.MULTILINE)
    assert calls == {"final_context": 1, "attributions": 1}


def test_show_explains_no_node_that_it_only_lists(hpass: Any, calls: Counter[str], tmp_path: Path) -> None:
    onnx.save(text_models.model(INHERITED), tmp_path / "model.onnx")

    assert len(hpass("show", tmp_path / "model.onnx", "n").out.splitlines()) == 2
    assert calls == {"final_context": 1}


def test_show_explains_all_nodes_of_its_json_in_one_go(hpass: Any, calls: Counter[str], tmp_path: Path) -> None:
    onnx.save(text_models.model(INHERITED), tmp_path / "model.onnx")

    entries = json.loads(hpass("show", tmp_path / "model.onnx", "n", "--json").out)

    assert [bool(entry["contributions"]) for entry in entries] == [True, True]
    assert calls == {"final_context": 1, "attributions": 1}
    alone = [json.loads(hpass("show", tmp_path / "model.onnx", at, "--json").out)[0] for at in ("#1", "#2")]
    assert entries == alone


def test_show_stored_is_what_the_file_says(hpass: Any, tagged: Path) -> None:
    proto = onnx.load(tagged)
    for prop in proto.graph.node[0].metadata_props:
        if prop.key == "hpass.tag":
            prop.value = "/Written/ByHand"
    onnx.save(proto, tagged)

    assert "/Written/ByHand" in hpass("show", tagged, "#0", "--stored").out
    assert "/Written/ByHand" not in hpass("show", tagged, "#0").out
    assert json.loads(hpass("show", tagged, "#0", "--stored", "--json").out)[0]["tag"] == "/Written/ByHand"


def test_show_stored_of_an_untagged_node_says_so(hpass: Any, model: Path) -> None:
    assert "tag         none" in hpass("show", model, "#0", "--stored").out


def test_strip_gives_the_original_back_byte_for_byte(hpass: Any, model: Path, tagged: Path) -> None:
    result = hpass("strip", tagged, "-o", model.with_name("stripped.onnx"))

    assert result.status == 0
    assert "keys removed" in result.out
    assert model.with_name("stripped.onnx").read_bytes() == model.read_bytes()


def test_strip_undoes_rename_and_annotate_and_counts(hpass: Any, model: Path) -> None:
    renamed = model.with_name("renamed.onnx")
    assert hpass("run", model, "-o", renamed, "--passes", "all,rename,annotate").status == 0
    proto = onnx.load(renamed)
    annotation = next(prop for node in proto.graph.node for prop in node.metadata_props if prop.key == "layer_ann")
    annotation.value = "mine"
    onnx.save(proto, renamed)

    result = hpass("strip", renamed, "-o", model.with_name("stripped.onnx"))

    assert " names and annotations restored, 1 left as another tool changed them\n" in result.out
    before, after = onnx.load(model), onnx.load(model.with_name("stripped.onnx"))
    assert [(node.name, node.input, node.output) for node in after.graph.node] == [
        (node.name, node.input, node.output) for node in before.graph.node
    ]
    assert [prop.value for node in after.graph.node for prop in node.metadata_props] == ["mine"]


def test_strip_writes_over_its_input_on_request(hpass: Any, model: Path, tagged: Path) -> None:
    assert hpass("strip", tagged, "--in-place").status == 0

    assert tagged.read_bytes() == model.read_bytes()


def test_strip_keeps_the_name_in_a_folder(hpass: Any, tagged: Path) -> None:
    folder = tagged.with_name("out")
    folder.mkdir()

    assert hpass("strip", tagged, "-o", folder).status == 0
    assert (folder / tagged.name).exists()


def test_validate_finds_a_tagged_model_sound(hpass: Any, model: Path, tagged: Path) -> None:
    result = hpass("validate", tagged, "--against", model)

    assert result.status == 0
    assert result.out == f"{tagged}: the tags are valid, and the rest equals {model}\n"


def test_validate_full_runs_the_checker_and_onnxruntime(hpass: Any, tagged: Path) -> None:
    result = hpass("validate", tagged, "--full")

    assert result.status == 0
    assert "runtime: onnxruntime: " in result.out


def _set(proto: onnx.ModelProto, key: str, value: str | None) -> None:
    node = proto.graph.node[3]
    index = next(index for index, prop in enumerate(node.metadata_props) if prop.key == key)
    if value is None:
        del node.metadata_props[index]
    else:
        node.metadata_props[index].value = value


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("hpass.scope", None, "coverage: no tag (#3)"),
        ("hpass.scope", "nowhere", "tag-not-in-table: module 'nowhere' is not in the module table (#3)"),
        ("hpass.tag", None, "malformed-tag: no hpass.tag (#3)"),
        ("hpass.tag", "/Other", "tag-text: hpass.tag is '/Other'; by the module table it is"),
        ("hpass.source", "rumour", "malformed-tag: hpass.source is 'rumour', not one of metadata, name"),
        ("hpass.confidence", "sure", "malformed-tag: hpass.confidence is 'sure'"),
    ],
)
def test_validate_finds_a_broken_tag(hpass: Any, tagged: Path, key: str, value: str | None, said: str) -> None:
    proto = onnx.load(tagged)
    _set(proto, key, value)
    onnx.save(proto, tagged)

    result = hpass("validate", tagged)

    assert result.status == 3
    assert said in result.out


def test_validate_finds_an_untagged_model_unsound(hpass: Any, model: Path) -> None:
    result = hpass("validate", model, "--json")

    assert result.status == 3
    assert json.loads(result.out) == {
        "ok": False,
        "findings": [
            {
                "severity": "error",
                "rule": "not-tagged",
                "message": "hpass has not tagged this model; `hpass run` does",
                "node": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            lambda proto: proto.graph.node[2].attribute[0].ints.append(1),
            "graph.node[2].attribute[0].ints (1 against 0)",
        ),
        (lambda proto: setattr(proto.graph, "name", "other"), "graph.name"),
        (lambda proto: proto.graph.node.pop(), "graph.node (28 against 29)"),
        (lambda proto: setattr(proto, "producer_name", "x"), "producer_name"),
        (lambda proto: proto.metadata_props.add(key="a", value="b"), "metadata_props (1 against 0)"),
    ],
)
def test_validate_against_says_where_a_model_differs(
    hpass: Any, model: Path, tagged: Path, change: Any, where: str
) -> None:
    proto = onnx.load(tagged)
    change(proto)
    onnx.save(proto, tagged)

    result = hpass("validate", tagged, "--against", model)

    assert result.status == 3
    assert f"not-lossless: differs from {model} at {where}" in result.out


def test_validate_against_compares_external_data_by_content(hpass: Any, tmp_path: Path) -> None:
    original, other = tmp_path / "original", tmp_path / "other"
    for folder in (original, other):
        folder.mkdir()
        for suffix in (".onnx", ".bin"):
            shutil.copy(FIXTURES / f"external_data{suffix}", folder)
    assert hpass("run", other / "external_data.onnx", "--in-place").status == 0
    arguments = ("validate", other / "external_data.onnx", "--against", original / "external_data.onnx")
    assert hpass(*arguments).status == 0
    data = bytearray((other / "external_data.bin").read_bytes())
    data[0] ^= 1
    (other / "external_data.bin").write_bytes(bytes(data))

    result = hpass(*arguments)

    assert result.status == 3
    assert "external-data: external data 'external_data.bin' is not that of" in result.out

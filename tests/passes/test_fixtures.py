"""The whole pipeline on the fixtures: exact where the file says it, and the figures that it has to reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import onnx
import pytest

import hpass
from hpass.evidence.exporter_metadata import read_module_stack
from hpass.graph.operators import is_auxiliary
from hpass.graph.walk import all_nodes
from hpass.tags.scope import lca
from hpass.tags.tag_format import TAG, Source

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODELS = sorted(path.stem for path in FIXTURES.glob("*.onnx"))
TRUTHS = sorted(path.stem for path in FIXTURES.glob("truth/*.json"))
BY_METADATA = [name for name in TRUTHS if not name.endswith("_torchscript")]

# What a file cannot say: the node, and its true module. TorchScript writes no label of a ModuleDict, and the codebook's
# weight is tied: the label `codes` and the parameter it reads are those of another module as well.
BEYOND_THE_FILE = {"hybrid_torchscript": {"/codes/MatMul": "heads.codes"}}


@cache
def run(name: str, *, with_modules: bool = False) -> hpass.Run:
    modules = FIXTURES / "modules" / f"{name}.json" if with_modules else None
    return hpass.run(FIXTURES / f"{name}.onnx", modules=modules)


def truth(name: str) -> list[dict[str, str | None]]:
    return json.loads((FIXTURES / "truth" / f"{name}.json").read_text(encoding="utf-8"))


def wrong(name: str, *, with_modules: bool) -> dict[str, str]:
    """Return the true module of each node of the main graph that got another one."""
    found = run(name, with_modules=with_modules)
    missed: dict[str, str] = {}
    for node, row in zip(found.model.graph.nodes, truth(name), strict=True):
        tag = found.tag(node)
        if row["scope"] is not None and (tag is None or tag.scope != row["scope"]):
            missed[node.name] = row["scope"]
    return missed


@pytest.mark.parametrize("name", TRUTHS)
def test_names_and_metadata_give_the_true_module_of_every_node(name: str) -> None:
    assert wrong(name, with_modules=False) == BEYOND_THE_FILE.get(name, {})


@pytest.mark.parametrize("name", TRUTHS)
def test_with_the_module_table_nothing_is_beyond_the_file(name: str) -> None:
    assert wrong(name, with_modules=True) == {}


@pytest.mark.parametrize("name", TRUTHS)
def test_every_tag_is_a_called_module_of_the_table(name: str) -> None:
    table = hpass.ModuleTable.from_json(
        json.loads((FIXTURES / "modules" / f"{name}.json").read_text(encoding="utf-8")), name
    )
    named = {scope for scope in table if table.is_called(scope)} | set(table.aliases())

    assert {tag.target for _, tag in run(name, with_modules=True).tags()} <= named
    assert "unknown-module" not in {finding.rule for finding in run(name, with_modules=True).findings}


@pytest.mark.parametrize("name", BY_METADATA)
def test_a_node_whose_metadata_names_a_module_gets_it_with_the_classes_beside(name: str) -> None:
    checked = 0
    for node in all_nodes(run(name).apply()):
        metadata = {prop.key: prop.value for prop in node.metadata_props}
        stack = read_module_stack(metadata)
        if stack is None:
            continue
        assert metadata["hpass.scope"] == stack.scope
        assert metadata["hpass.source"] == "metadata"
        segments = metadata[TAG].split("/")[1:]
        classes = [str(kind).rpartition(".")[2] for kind in stack.classes]
        assert [segment.partition(".")[0] for segment in segments] == classes or "hpass.serves" in metadata
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize("name", MODELS)
def test_every_node_is_tagged_and_no_finding_is_an_error(name: str) -> None:
    found = run(name)

    assert sum(1 for _ in found.tags()) == sum(1 for _ in all_nodes(found.model.proto))
    assert found.ok


def auxiliary(name: str) -> list[hpass.Tag]:
    """Return the tags of the auxiliary operations of a fixture."""
    return [tag for node, tag in run(name).tags() if is_auxiliary(node)]


def share_below_the_root(tags: list[hpass.Tag]) -> float:
    return sum(tag.target != "" for tag in tags) / len(tags)


@pytest.mark.parametrize("name", ["resnet50", "resnet50_torchscript"])
def test_resnet50_has_thirty_tags_and_no_auxiliary_operation_at_the_root(name: str) -> None:
    found = run(name)

    assert len({found.modules.path(tag.target) for _, tag in found.tags()}) >= 30
    assert share_below_the_root(auxiliary(name)) == 1


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("simple_cnn", 2 / 3),
        ("simple_cnn_torchscript", 2 / 3),
        ("aux_ops", 1 / 2),
        ("aux_ops_torchscript", 1 / 2),
    ],
)
def test_auxiliary_operations_have_a_tag_deeper_than_the_root(name: str, share: float) -> None:
    assert share_below_the_root(auxiliary(name)) >= share


@pytest.mark.parametrize("name", ["bert_tiny", "bert_tiny_torchscript"])
def test_auxiliary_operations_without_a_module_of_their_own_get_one(name: str) -> None:
    without = [tag for tag in auxiliary(name) if tag.scope == "" or tag.source in (Source.INHERITED, Source.FALLBACK)]

    assert share_below_the_root(without) >= 0.23


def prepared(name: str) -> dict[str, str]:
    """Return the module that holds all work an auxiliary root operation leads to, by the name of what it writes."""
    found = run(name, with_modules=True)
    nodes = found.model.proto.graph.node
    tags = dict(zip((node.output[0] for node in nodes), map(found.tag, found.model.graph.nodes), strict=True))
    outputs = {value.name for value in found.model.proto.graph.output}
    work: dict[str, list[str]] = {}
    for node in reversed(nodes):
        work[node.output[0]] = reached = [""] if outputs & set(node.output) else []
        for reader in nodes:
            if set(node.output) & set(reader.input):
                tag = tags[reader.output[0]]
                assert tag is not None
                reached += [tag.scope] if tag.scope else work[reader.output[0]]
    return {
        node.name: found.modules.nearest_called(lca(work[node.output[0]]))
        for node, view in zip(nodes, found.model.graph.nodes, strict=True)
        if is_auxiliary(view) and tags[node.output[0]].scope == ""  # type: ignore[union-attr]
    }


@pytest.mark.parametrize("name", TRUTHS)
def test_an_auxiliary_operation_at_the_root_serves_what_holds_all_the_work_it_leads_to(name: str) -> None:
    found = run(name, with_modules=True)
    tags = {node.name: found.tag(node) for node in found.model.graph.nodes if is_auxiliary(node)}
    served = {node: tag.target for node, tag in tags.items() if tag is not None and tag.scope == ""}

    assert served == prepared(name)


def test_the_attention_mask_of_a_real_model_serves_its_encoder() -> None:
    served = [tag.serves for _, tag in run("bert_tiny_torchscript").tags()]

    assert served.count("encoder") >= 20


PIPELINES = [
    "all",
    "scope-parse",
    "module-mapping",
    "aux-inheritance",
    "fallback",
    "validation",
    "scope-parse,fallback",
    "scope-parse,aux-inheritance",
    "scope-parse,module-mapping,fallback",
    "fallback,all",
    "all,aux-inheritance:root=keep",
    "aux-inheritance,scope-parse,validation",
]


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("name", MODELS)
def test_a_second_run_changes_nothing(name: str, pipeline: str) -> None:
    first = tagged(onnx.load(FIXTURES / f"{name}.onnx", load_external_data=False), pipeline)

    assert tagged(onnx.ModelProto.FromString(first), pipeline) == first


@pytest.mark.parametrize("pipeline", ["all", "scope-parse", "scope-parse,fallback"])
@pytest.mark.parametrize("name", TRUTHS)
def test_a_second_run_with_the_module_table_changes_nothing(name: str, pipeline: str) -> None:
    modules = FIXTURES / "modules" / f"{name}.json"
    first = tagged(onnx.load(FIXTURES / f"{name}.onnx"), pipeline, modules)

    assert tagged(onnx.ModelProto.FromString(first), pipeline, modules) == first
    # The table is in the file now, so it need not be handed in again.
    assert tagged(onnx.ModelProto.FromString(first), pipeline) == first


def test_the_output_does_not_depend_on_how_strings_hash() -> None:
    script = (
        "import hashlib, sys, hpass\n"
        "for path in sys.argv[1:]:\n"
        "    print(hashlib.sha256(hpass.run(path).apply().SerializeToString()).hexdigest())"
    )
    files = [str(FIXTURES / f"{name}.onnx") for name in MODELS]
    one, two = (
        subprocess.run(
            [sys.executable, "-c", script, *files],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    )

    assert len(one) == len(MODELS)
    assert one == two


def tagged(model: onnx.ModelProto, pipeline: str, modules: Path | None = None) -> bytes:
    return hpass.run(model, pipeline, modules=modules).apply().SerializeToString()

"""module-mapping: which class each module has, where the table comes from, and what is added to it."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from text_models import Metadata, model, stack, table

import hpass
from hpass import ModuleTable
from hpass.tags.tag_format import MODULES, TAG

RELU = '["n"] y = Relu(x)'
EMBEDDED = {"version": 1, "modules": {"": {"class": "pkg.M"}, "a": {"class": "pkg.A"}, "a.b": {"class": "pkg.B"}}}


class Case(NamedTuple):
    """A model, and the class path that each node gets."""

    name: str
    nodes: str
    paths: dict[str, str]
    metadata: Metadata | None = None
    parameters: tuple[str, ...] = ()
    embedded: object = None
    given: ModuleTable | None = None


CASES = [
    Case(
        "classes from the exporter's metadata",
        RELU,
        {"n": "/M/A/B"},
        {"n": stack("a", "a.b", classes=("m.M", "m.A", "m.B"))},
    ),
    Case(
        "a list that is never called shows only in the number",
        RELU,
        {"n": "/M/Layer.0"},
        {"n": stack("layers.0", classes=("m.M", "m.Layer"))},
    ),
    Case(
        "a container that was not open, though its children have names",
        '["n"] v = Relu(x) ["p"] y = Gemm(v, "heads.other.weight")',
        {"n": "/M/Linear", "p": "/M/heads.other"},
        {"n": stack("heads.one", classes=("m.M", "m.Linear"))},
        ("heads.other.weight",),
    ),
    Case(
        "a module that was not open in one stack and was in another",
        '["n"] v = Relu(x) ["m"] y = Neg(v)',
        {"n": "/M/B/A", "m": "/M/B"},
        {"n": stack("b.a", classes=("m.M", "m.A")), "m": stack("b", classes=("m.M", "m.B"))},
    ),
    Case("no classes at all: the names", '["/a/b/Relu"] y = Relu(x)', {"/a/b/Relu": "/a/b"}),
    Case("no classes, at the root", '["/Relu"] y = Relu(x)', {"/Relu": "/"}),
    Case(
        "no classes, below a list: the scope cut at its modules",
        '["/encoder/layer.0/attention/Relu"] y = Relu(x)',
        {"/encoder/layer.0/attention/Relu": "/encoder/layer.0/attention"},
    ),
    Case("a table in the file", '["/a/b/Relu"] y = Relu(x)', {"/a/b/Relu": "/M/A/B"}, embedded=EMBEDDED),
    Case(
        "a given table goes before the file's",
        '["/a/b/Relu"] y = Relu(x)',
        {"/a/b/Relu": "/Other/Mine/Own"},
        embedded=EMBEDDED,
        given=table({"": "Other", "a": "q.Mine", "a.b": "Own"}),
    ),
    Case(
        "a given table goes before metadata",
        RELU,
        {"n": "/Mine/Own"},
        {"n": stack("a", classes=("m.M", "m.A"))},
        given=table({"": "Mine", "a": "Own"}),
    ),
    Case(
        "metadata fills in what a table leaves open",
        RELU,
        {"n": "/M/A"},
        {"n": stack("a", classes=("m.M", "m.A"))},
        given=table({"": None, "a": None}),
    ),
    Case(
        "a module that the table lacks is the nearest one that it has",
        '["/a/c/Relu"] v = Relu(x)',
        {"/a/c/Relu": "/M/A"},
        given=table({"": "M", "a": "A"}),
    ),
    Case(
        "an uncalled container gives no segment",
        '["/layers.0/Relu"] v = Relu(x)',
        {"/layers.0/Relu": "/M/Block.0"},
        given=table({"": "M", "layers": {"class": "ModuleList", "called": False}, "layers.0": "Block"}),
    ),
    Case(
        "winml's class path",
        '["/enc/Relu"] y = Relu(x)',
        {"/enc/Relu": "/Net/Encoder"},
        {"/enc/Relu": {"winml.hierarchy.tag": "/Net/Encoder"}},
    ),
]


def class_paths(run: hpass.Run) -> dict[str, str]:
    return {node.name: prop.value for node in run.apply().graph.node for prop in node.metadata_props if prop.key == TAG}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_module_s_classes_are_the_tag(case: Case) -> None:
    properties = {} if case.embedded is None else {"module_table": json.dumps(case.embedded)}
    source = model(case.nodes, metadata=case.metadata, parameters=case.parameters, properties=properties)

    run = hpass.run(source, "scope-parse,module-mapping", modules=case.given)

    assert class_paths(run) == case.paths


def test_a_module_that_the_table_lacks_is_a_warning() -> None:
    run = hpass.run(model('["/z/Relu"] y = Relu(x)'), "scope-parse,module-mapping", modules=table({"": "M"}))

    (finding,) = run.findings
    assert (finding.severity, finding.rule) == ("warning", "unknown-module")
    assert "'z'" in finding.message


def test_modules_that_the_table_lacks_are_named_in_natural_order() -> None:
    source = model('["/z.10/Relu"] u = Relu(x) ["/z.2/Relu"] y = Relu(u)')

    run = hpass.run(source, "scope-parse,module-mapping", modules=table({"": "M"}))

    assert "('z.2', 'z.10')" in run.findings[0].message


def test_a_table_that_knows_all_modules_is_no_finding() -> None:
    run = hpass.run(model('["/z/Relu"] y = Relu(x)'), "scope-parse,module-mapping", modules=table({"": "M", "z": "Z"}))

    assert run.findings == []


def test_a_module_known_by_an_alias_is_no_finding_and_has_its_class() -> None:
    shared = table({"": "M", "a": {"class": "Shared", "aliases": ["b"]}})

    run = hpass.run(model(RELU, metadata={"n": stack("b")}), "scope-parse,module-mapping", modules=shared)

    assert class_paths(run)["n"] == "/M/Shared.b"
    assert run.findings == []


def test_modules_above_a_named_one_are_added_without_guessing_a_container() -> None:
    run = hpass.run(
        model('["n"] y = Gemm(x, "a.layers.0.fc.weight")', parameters=["a.layers.0.fc.weight"]),
        "scope-parse,module-mapping",
    )

    assert sorted(run.modules) == ["", "a", "a.layers.0", "a.layers.0.fc"]


def test_the_table_in_use_lies_in_the_file() -> None:
    run = hpass.run(model(RELU, metadata={"n": stack("a", classes=("m.M", "m.A"))}))

    (text,) = (prop.value for prop in run.apply().metadata_props if prop.key == MODULES)
    assert json.loads(text) == {
        "version": 1,
        "modules": {"": {"class": "m.M", "called": True}, "a": {"class": "m.A", "called": True}},
    }


def test_a_model_without_any_name_has_the_root_alone() -> None:
    run = hpass.run(model("y = Relu(x)"), "module-mapping")

    assert list(run.modules) == [""]
    assert run.modules.path("") == "/"

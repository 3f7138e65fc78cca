"""The report as JSON and Markdown, and the figures in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from onnx import parser

import hpass
from hpass import Context, Model
from hpass.observers import observe
from hpass.reporting.json_report import dumps, error_report, report
from hpass.reporting.markdown import markdown
from hpass.reporting.totals import totals

ROOT = Path(__file__).parents[1]
FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))

MODEL = """
<ir_version: 8, opset_import: ["": 17]>
agraph (float[2,2] x) => (float[2,2] z) <float[2,2] "encoder.fc.weight" = {1,2,3,4}> {
    ["/encoder/fc/MatMul"] a = MatMul(x, "encoder.fc.weight")
    ["/encoder/act/Relu"] b = Relu(a)
    z = Identity(b)
}
"""


@pytest.fixture(scope="module", params=FIXTURES, ids=lambda path: path.stem)
def run(request: pytest.FixtureRequest) -> hpass.Run:
    """Return the run over each fixture."""
    return hpass.run(request.param)


@pytest.fixture
def small() -> hpass.Run:
    """Return the run over a model of three nodes."""
    return hpass.run(parser.parse_model(MODEL))


def test_the_report_of_every_fixture_is_as_the_schema_says(run: hpass.Run) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(dumps(report(run))))


def test_a_list_of_reports_and_errors_is_as_the_schema_says(small: hpass.Run) -> None:
    schema = jsonschema.Draft202012Validator(SCHEMA)
    failed = error_report("broken.onnx", "broken.onnx: not an ONNX model")

    schema.validate([report(small), failed])

    for wrong in (failed, [failed | {"ok": True}], [failed | {"nodes": []}], [{"error": "no input"}]):
        assert not schema.is_valid(wrong)


def test_the_schema_is_itself_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda document: document.pop("totals"),
        lambda document: document.update(extra=1),
        lambda document: document["nodes"][0].update(source="rumour"),
        lambda document: document["nodes"][0].update(tag="no-slash"),
        lambda document: document["nodes"][0].pop("reason"),
        lambda document: document["totals"]["sources"].update(rumour=1),
        lambda document: document["findings"].append({"severity": "fatal"}),
        lambda document: document["passes"][0].update(seconds=-1),
    ],
)
def test_the_schema_is_strict(small: hpass.Run, break_it: Any) -> None:
    document = report(small)
    break_it(document)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_the_figures_add_up(run: hpass.Run) -> None:
    document = report(run)
    figures, nodes = document["totals"], document["nodes"]

    assert figures["nodes"] == len(nodes)
    assert sum(figures["sources"].values()) == figures["tagged"] == sum(node["tag"] is not None for node in nodes)
    assert sum(figures["confidences"].values()) == figures["tagged"]
    assert figures["modules"] == len(run.scopes())
    assert figures["tags"] == len({node["tag"] for node in nodes})
    for source, count in figures["sources"].items():
        assert count == sum(node["source"] == source for node in nodes)
    auxiliary = figures["auxiliary"]
    assert auxiliary["inherited"] <= figures["sources"]["inherited"]
    assert auxiliary["fell_back"] <= figures["sources"]["fallback"]
    assert auxiliary["found"] <= figures["nodes"]


def test_a_node_comes_with_evidence_reason_and_the_pass_that_decided(small: hpass.Run) -> None:
    node = report(small)["nodes"][0]

    assert node == {
        "position": "#0",
        "name": "/encoder/fc/MatMul",
        "op": "MatMul",
        "domain": "",
        "tag": "/encoder/fc",
        "scope": "encoder.fc",
        "serves": None,
        "call": None,
        "source": "name",
        "confidence": "high",
        "evidence": [
            {
                "scope": "encoder.fc",
                "source": "name",
                "origin": "node name",
                "text": "/encoder/fc/MatMul",
                "certain": True,
                "supports": True,
            },
            {
                "scope": "encoder.fc",
                "source": "parameter",
                "origin": "parameter",
                "text": "encoder.fc.weight",
                "certain": True,
                "supports": True,
            },
        ],
        "reason": "its node name '/encoder/fc/MatMul'",
        "pass": "scope-parse",
    }


def test_passes_come_with_their_time_where_it_was_measured() -> None:
    pipeline = hpass.Pipeline.parse("all")
    look = observe(pipeline)
    run = hpass.run(parser.parse_model(MODEL), pipeline, observer=look)

    assert [item["seconds"] for item in report(run, seconds=look.seconds)["passes"]] == look.seconds
    assert {item["seconds"] for item in report(run)["passes"]} == {None}


def test_a_partial_pipeline_reports_nodes_without_a_tag() -> None:
    document = report(hpass.run(parser.parse_model(MODEL), "scope-parse"))

    assert document["totals"]["coverage"] == pytest.approx(2 / 3)
    assert document["nodes"][2]["tag"] is None
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_a_model_without_nodes_is_covered() -> None:
    empty = hpass.run(parser.parse_model('<ir_version: 8, opset_import: ["": 17]> g (float[1] x) => (float[1] x) {}'))

    assert totals(empty).coverage == 1
    assert report(empty)["nodes"] == []


def test_the_text_has_a_line_for_each_node(small: hpass.Run) -> None:
    document = report(small)
    text = dumps(document)

    assert json.loads(text) == document
    assert sum(line.startswith('{"position": ') for line in text.splitlines()) == 3


def test_the_markdown_report_tells_what_fell_back_and_why() -> None:
    run = hpass.run(parser.parse_model(MODEL), "scope-parse,module-mapping,fallback,validation")
    text = markdown(run, report(run, output="out.onnx"))

    assert "- Tagged model: `out.onnx`" in text
    assert "| tagged | 3 (100%) |" in text
    assert "- 1 node, because nothing in the file places it: `#2` Identity to `/`" in text
    assert "## Findings\n" in text
    assert "      0       2  └─ encoder" in text


def test_markdown_shows_names_as_they_are() -> None:
    run = hpass.run(parser.parse_model(MODEL))
    run.context.findings.add(hpass.Severity.INFO, "odd-name", "module 'a|b_*c*'", "#0")

    assert r"| info | odd-name | module 'a\|b\_\*c\*' | #0 |" in markdown(run, report(run))


def test_every_fixture_s_markdown_has_its_tree(run: hpass.Run) -> None:
    text = markdown(run, report(run))

    assert text.count("```") == 2
    assert f"{run.scopes().total():7}  " in text


def test_skipped_nodes_come_with_their_position() -> None:
    context = Context(Model.open(parser.parse_model(MODEL)))
    node = context.graph.nodes[1]
    result = hpass.PassResult("toy", 3, {}, context.model.edits(), ((node, "too small"),))
    run = hpass.Run(context.model, context, hpass.Pipeline(()), [result])

    document = report(run)

    assert document["passes"][0]["skipped"] == [{"node": "#1", "reason": "too small"}]
    assert "- 1 node, because toy: too small: `#1`" in markdown(run, document)

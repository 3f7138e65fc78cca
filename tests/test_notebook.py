"""What notebooks and data frames show of a result."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import onnx
import pytest
from onnx import helper
from text_models import model, stack

import hpass
from hpass.notebook import MAX_ROWS, table

FIXTURES = Path(__file__).parents[1] / "fixtures"
BERT = FIXTURES / "bert_tiny.onnx"
ATTACK = '<img src=x onerror="alert(1)">\x1b[31m\u202e&'


def attacked() -> onnx.ModelProto:
    """Return a model whose modules are called like markup."""
    scopes = {"n": stack(ATTACK, classes=["M", ATTACK])}
    return model('["n"] h = Relu(x) ["o"] y = Neg(h)', metadata=scopes)


def shown(result: Any) -> ET.Element:
    """Return what a notebook shows, which must be well-formed, as an element."""
    return parsed(result._repr_html_())


def parsed(html: str) -> ET.Element:
    return ET.fromstring(f"<div>{html}</div>")  # noqa: S314 - hpass wrote it


def rows_of(element: ET.Element) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in element.iter("tr")]


def results(source: Any) -> dict[str, Any]:
    run = hpass.run(source)
    return {
        "run": run,
        "tree": hpass.tree(run),
        "cost": hpass.cost(run),
        "profile": hpass.profile(run, runs=2, warmup=0),
    }


def test_names_are_shown_as_text() -> None:
    for name, result in results(attacked()).items():
        html = result._repr_html_()
        assert not list(shown(result).iter("img")), name
        assert "\x1b" not in html
        assert "\u202e" not in html
        assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;\\x1b[31m\\u202e&amp;" in html, name


def test_a_result_is_small_and_has_no_script() -> None:
    for result in results(BERT).values():
        html = result._repr_html_()
        assert len(html) < 20_000
        assert not re.search(r"<script|<link|src=|href=|url\(", html)


def test_a_run_counts_its_nodes_by_module() -> None:
    run = hpass.run(BERT)
    rows = rows_of(shown(run))

    assert rows[0] == ["module", "class", "nodes"]
    assert ["encoder.layer.0.attention.self", "BertSelfAttention", "32"] in rows
    assert "126 tagged nodes in 33 modules" in run._repr_html_()


def test_a_run_has_a_row_for_each_node() -> None:
    rows = hpass.run(BERT).to_rows()

    assert len(rows) == 126
    assert len({row["position"] for row in rows}) == 126
    found = next(row for row in rows if row["name"] == "node_linear")
    assert found == {
        "position": found["position"],
        "name": "node_linear",
        "op": "Add",
        "scope": "encoder.layer.0.attention.self.query",
        "class": "Linear",
        "serves": None,
        "call": None,
        "tag": "/BertModel/BertEncoder/BertLayer.0/BertAttention/BertSelfAttention/Linear.query",
        "source": "metadata",
        "confidence": "high",
    }


def test_rows_of_a_partial_run_and_of_subgraphs() -> None:
    untagged = hpass.run(attacked(), "module-mapping").to_rows()
    assert [row["scope"] for row in untagged] == [None, None]
    assert untagged[0].keys() == hpass.run(BERT).to_rows()[0].keys()

    inner = [row for row in hpass.run(FIXTURES / "control_flow.onnx").to_rows() if "/" in (row["position"] or "")]
    assert {row["scope"] for row in inner} >= {"repeat.cell.fc"}


def test_a_tree_folds_and_says_what_it_leaves_out() -> None:
    summaries = [part.text for part in shown(hpass.tree(BERT)).iter("summary")]
    assert summaries[:2] == ["BertModel (22 own, 126 in all)", "embeddings: BertEmbeddings (7 own, 11 in all)"]

    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name=f"/layers.{i}/Relu") for i in range(2000)]
    info = [helper.make_tensor_value_info(name, 1, [1]) for name in ("v0", "v2000")]
    large = hpass.tree(helper.make_model(helper.make_graph(nodes, "g", info[:1], info[1:])))
    assert "1,501 more" in large._repr_html_()
    assert len(large._repr_html_()) < 100_000


def test_a_tree_is_that_of_the_file_or_of_the_run(tmp_path: Path) -> None:
    run = hpass.run(BERT)
    run.save(tmp_path / "tagged.onnx")

    assert hpass.tree(tmp_path / "tagged.onnx") == hpass.tree(run) == hpass.tree(BERT)


def test_rows_of_a_profile_add_up() -> None:
    profile = hpass.profile(BERT, runs=2, warmup=0)
    rows = profile.to_rows()

    assert sum(row["own_us"] for row in rows) == pytest.approx(profile.profiled_us, rel=1e-3)
    assert {row["scope"] for row in rows} == set(profile.modules)

    nothing = model("h = Relu(x) y = Neg(h)")
    unknown = hpass.profile(nothing, runs=2, warmup=0, level="none").to_rows()
    assert sum(row["share"] for row in unknown) == pytest.approx(1)


def test_rows_of_a_cost_are_those_of_modules() -> None:
    cost = hpass.cost(FIXTURES / "simple_cnn.onnx", sizes={"s40": 1})

    assert {row["scope"]: row["macs"] for row in cost.to_rows()}["classifier.hidden"] == 4096
    assert "133280 MACs" in cost._repr_html_()


def test_a_long_table_says_how_many_rows_are_missing() -> None:
    rows = [(f"m{i}", i, i / 3) for i in range(MAX_ROWS + 5)]
    made = parsed(table("t", ("a", "b", "c"), rows))

    assert rows_of(made)[2] == ["m1", "1", "0.33"]
    assert len(rows_of(made)) == MAX_ROWS + 1
    assert [part.text for part in made.iter("p")] == [None, "5 more"]
    assert Counter(cell.get("style", "").rpartition(":")[2] for cell in made.iter("td"))["right"] == 2 * MAX_ROWS

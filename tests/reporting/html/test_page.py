"""The HTML report in a real browser, and as text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hostile
import onnx
import pytest
from browser import evaluate
from onnx import helper
from product import ROOT

import hpass
from hpass.reporting.html.page import page
from hpass.reporting.html.report_data import Side, report_data
from hpass.reporting.html.sides import TIME, side_of
from hpass.reporting.saved_profile import SavedProfile

BERT = ROOT / "fixtures" / "bert_tiny.onnx"
OTHER = ROOT / "fixtures" / "bert_tiny_torchscript.onnx"


def report_of(*sources: Any, values: Any = None) -> str:
    runs = [hpass.run(source) for source in sources]
    return page(report_data([Side(f"side {index}", run, values or {}) for index, run in enumerate(runs)]))


def bert() -> str:
    return report_of(BERT)


def key(name: str, target: str = 'document.querySelector("svg")') -> str:
    return f'{target}.dispatchEvent(new KeyboardEvent("keydown", {{key: "{name}", bubbles: true}}));'


def test_the_page_loads_nothing_and_holds_strict_json() -> None:
    text = bert()

    assert not re.search(
        r"""(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)""", text
    )
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["title"] == str(BERT)


def test_it_shows_every_module_as_wide_as_its_nodes(tmp_path: Path) -> None:
    shown = evaluate(
        bert(),
        """return [...document.querySelectorAll("svg g")].map((group) =>
            [scopeOf(Number(group.dataset.module)), Number(group.querySelector("rect").getAttribute("width"))]);""",
        tmp_path,
    )

    widths = dict(shown)
    assert widths["encoder"] / widths["(root)"] == pytest.approx(90 / 126)
    assert widths["encoder.layer.0"] / widths["(root)"] == pytest.approx(49 / 126)


def test_the_keyboard_moves_zooms_and_goes_back(tmp_path: Path) -> None:
    move = "".join(key(name) for name in ("ArrowDown", "ArrowRight", "Enter"))
    shown = evaluate(
        bert(),
        f"""{move}
        const zoomed = [scopeOf(state.zoom), document.querySelector("#path").textContent];
        {key("Escape", "document.body")}
        return [...zoomed, scopeOf(state.zoom)];""",
        tmp_path,
    )

    assert shown == ["encoder", "BertModel \u203a encoder", "(root)"]


def test_the_search_counts_and_lists_what_it_finds(tmp_path: Path) -> None:
    shown = evaluate(
        bert(),
        """const box = document.getElementById("search");
        box.value = "layernorm"; box.dispatchEvent(new Event("input"));
        return [document.getElementById("matches").textContent,
            [...document.querySelectorAll("#modules tbody tr")].map((row) => row.cells[0].textContent)];""",
        tmp_path,
    )

    assert shown[0].startswith("5 of ")
    assert sorted(shown[1]) == sorted(
        [
            "embeddings.LayerNorm",
            *(f"encoder.layer.{i}{part}.LayerNorm" for i in "01" for part in (".attention.output", ".output")),
        ]
    )


def test_the_table_sorts_by_a_column_in_both_directions(tmp_path: Path) -> None:
    shown = evaluate(
        bert(),
        """const column = () => [...document.querySelectorAll("#modules tbody tr")].map(
            (row) => Number(row.cells[2].textContent));
        const click = () => document.querySelector('th[data-column="2"]').click();
        click(); const down = column(); click(); return [down, column()];""",
        tmp_path,
    )

    assert shown == [sorted(shown[0], reverse=True), sorted(shown[1])]
    assert shown[0] != shown[1]


def test_a_click_shows_the_nodes_of_a_module_with_their_evidence(tmp_path: Path) -> None:
    shown = evaluate(
        report_of(OTHER),
        """document.querySelector(`[data-module="${modules.scope.indexOf("pooler.dense")}"]`)
            .dispatchEvent(new MouseEvent("click", {bubbles: true}));
        const textsOf = (row) => [...row.cells].map((cell) => cell.textContent);
        return [...document.querySelectorAll("#nodes tbody tr")].map(textsOf);""",
        tmp_path,
    )

    assert [(row[1], row[4], row[5]) for row in shown] == [("Gemm", "name", "high")]
    assert "parameter 'pooler.dense.weight'" in shown[0][7]


def test_two_models_stand_side_by_side_with_the_difference_as_a_colour(tmp_path: Path) -> None:
    shown = evaluate(
        report_of(BERT, OTHER),
        """const choice = document.querySelector('[value="difference"]');
        byId("colour").value = "difference"; byId("colour").dispatchEvent(new Event("change"));
        const head = [...document.querySelectorAll("#modules th")].map((cell) => cell.textContent);
        const colour = document.querySelector("svg rect").getAttribute("fill");
        return [document.querySelectorAll("svg").length, choice.hidden, head, colour];""",
        tmp_path,
    )

    assert shown[:2] == [2, False]
    assert shown[2] == [
        "module",
        "class",
        "own, side 0",
        "all, side 0",
        "own, side 1",
        "all, side 1",
        "difference",
        "share",
    ]
    assert shown[3].startswith("hsl(8 ")  # the root has more nodes in the second


def test_another_measure_sets_the_widths(tmp_path: Path) -> None:
    times = {"": (10.0, 100.0), "encoder": (0.0, 90.0)}
    shown = evaluate(
        report_of(BERT, values={TIME: times}),
        """byId("measure").value = "time"; byId("measure").dispatchEvent(new Event("change"));
        return [document.querySelector("figcaption").textContent, document.querySelectorAll("svg g").length];""",
        tmp_path,
    )

    assert shown == ["side 0: 100 µs", 2]


CHOOSE = """const choose = (id, value) => {
    byId(id).value = value; byId(id).dispatchEvent(new Event("change"));
    return [...document.querySelectorAll("figcaption")].map((caption) => caption.textContent);
};"""


def test_the_cost_of_each_module_can_be_the_width(tmp_path: Path) -> None:
    run = hpass.run(BERT)
    cost = hpass.cost(run, sizes={"s72": 2, "s53": 16, "s43": 16})
    shown = evaluate(
        page(report_data([side_of("bert", run, cost=cost)])),
        f"""{CHOOSE}
        return [measures.map((measure) => choose("measure", measure.key)[0]),
            values(0, "macs").all[modules.scope.indexOf("encoder.layer.0.attention.self")]];""",
        tmp_path,
    )

    assert shown == [
        [
            "bert: 126",
            "bert: 5,537,792",
            "bert: 264,800",
            "bert: 195,588",
            "bert: 782,352 B",
            "bert: 1,980,384 B",
        ],
        1_703_936,
    ]


def test_what_a_cost_takes_for_granted_stands_beside_it(tmp_path: Path) -> None:
    run = hpass.run(ROOT / "fixtures" / "control_flow.onnx")
    cnn = hpass.run(ROOT / "fixtures" / "simple_cnn.onnx")
    sides = [side_of(label, of, cost=hpass.cost(of)) for label, of in (("loop", run), ("cnn", cnn))]
    shown = evaluate(
        page(report_data(sides)),
        f"""{CHOOSE} return [choose("measure", "macs"), choose("measure", "parameters")];""",
        tmp_path,
    )

    assert shown == [
        ["loop: 72 (without 4 nodes of unknown cost)", "cnn: 133,280,000 (s40 = 1000)"],
        ["loop: 71", "cnn: 5,674"],
    ]


def test_a_provider_is_a_colour_of_each_side(tmp_path: Path) -> None:
    run = hpass.run(BERT)
    times = {"": (0.0, 3.0), "encoder": (2.0, 2.0), "pooler": (1.0, 1.0)}
    sides = [
        side_of(label, run, profile=SavedProfile(times, {"encoder": encoder, "pooler": "CPU"}, unmapped))
        for label, encoder, unmapped in (("a", "CPU", 0.0), ("b", "GPU", 4.0))
    ]
    shown = evaluate(
        page(report_data(sides)),
        f"""{CHOOSE} const captions = choose("measure", "time"); choose("colour", "provider");
        const found = (side) => ["", "encoder"].map((scope) => valueOf(side, modules.scope.indexOf(scope)));
        return [captions, [found(0), found(1)],
            [...document.querySelectorAll("#key span")].map((entry) => entry.textContent)];""",
        tmp_path,
    )

    assert shown == [
        ["a: 3 µs", "b: 3 µs (without 4.0 µs of nodes without a module)"],
        [["CPU", "CPU"], ["several", "GPU"]],
        ["CPU", "GPU", "several"],
    ]


def test_agreement_is_a_colour_with_an_order(tmp_path: Path) -> None:
    agreement = {"encoder": "not finite", "pooler": "equal"}
    shown = evaluate(
        page(report_data([side_of("a", hpass.run(BERT), agreement=agreement)])),
        f"""{CHOOSE} choose("colour", "agreement");
        const found = (scope) => colourOf(0, modules.scope.indexOf(scope));
        return [["encoder", "pooler", "embeddings"].map(found), byId("colour").selectedOptions[0].hidden];""",
        tmp_path,
    )

    assert shown == [["#b45fb0", "#7cc47f", "#c3cad3"], False]


def test_names_in_the_model_are_text_and_nothing_else(tmp_path: Path) -> None:
    attack = '</script><img src=x onerror="window.attacked = 1"><!--<script>'
    node = helper.make_node("Relu", ["x"], ["y"], name=f"/m{attack}/Relu")
    info = [helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
    made = helper.make_model(helper.make_graph([node], "g", info[:1], info[1:]))
    made.producer_name = attack

    for model in (made, hostile.model()):
        shown = evaluate(
            report_of(model),
            """for (const group of document.querySelectorAll("svg g"))
                group.dispatchEvent(new MouseEvent("click", {bubbles: true}));
            return [window.attacked ?? null, document.images.length, document.scripts.length];""",
            tmp_path,
        )
        assert shown == [None, 0, 3]


@pytest.mark.slow
def test_fifty_thousand_nodes_in_ten_thousand_modules(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name=f"/layers.{i // 500}/block.{i // 5}/Relu_{i}")
        for i in range(50_000)
    ]
    info = [helper.make_tensor_value_info(name, 1, [1]) for name in ("v0", "v50000")]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:])
    shown = evaluate(
        report_of(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])),
        "return [nodes.module.length, document.querySelectorAll('svg g').length > 100];",
        tmp_path,
    )

    assert shown == [50_000, True]


def test_a_module_that_only_a_profile_knows_is_shown() -> None:
    data = report_data([Side("a", hpass.run(onnx.load(BERT)), {TIME: {"no.such.module": (1.0, 1.0)}})])

    assert "no.such.module" in data["modules"]["scope"]


def test_a_container_is_no_level_of_the_tree() -> None:
    run = hpass.run(BERT)
    plain = report_data([Side("a", run)])
    data = report_data([side_of("a", run, cost=hpass.cost(run))])

    assert data["modules"] == plain["modules"]

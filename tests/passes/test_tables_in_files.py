"""A second run reads the table that the first one wrote, and the exporter's beside it: nothing changes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from text_models import model

import hpass
from hpass.tags.tag_format import MODULES

CLASSES = {"": "M", "fc1": "Linear", "blocks.1": "Block", "blocks.0": "Block"}
WRAPPED = model(
    '["/fc1/MatMul"] a = MatMul(x, "model.fc1.weight") ["/blocks.0/Relu"] b = Relu(a) ["/blocks.1/Relu"] y = Relu(b)',
    parameters=["model.fc1.weight", "model.blocks.0.weight"],
    properties={"module_table": json.dumps(CLASSES)},
)


def modules_in(run: hpass.Run) -> Mapping[str, object]:
    """Return the module table that a run writes."""
    return json.loads(next(prop.value for prop in run.apply().metadata_props if prop.key == MODULES))["modules"]


def test_a_table_of_the_model_inside_is_not_added_again() -> None:
    """The file's own table is of the bare model, its names are of one that wraps it."""
    first = hpass.run(WRAPPED)
    assert {tag.scope for _, tag in first.tags()} == {"model.fc1", "model.blocks.0", "model.blocks.1"}
    assert set(modules_in(first)) == {"", "model", "model.fc1", "model.blocks.0", "model.blocks.1"}

    assert hpass.run(first.apply()).apply() == first.apply()


@pytest.mark.parametrize("passes", ["fallback", "validation", "aux-inheritance", "scope-parse", "module-mapping"])
def test_a_partial_run_leaves_nothing_of_the_exporter_s_table_out(passes: str) -> None:
    again = hpass.run(hpass.run(WRAPPED, passes).apply())

    assert again.modules.path("model.fc1") == "/M/Linear"


def test_the_order_of_calls_is_the_exporter_s() -> None:
    """Hpass writes modules in natural order; in the exporter's table `blocks.1` is called first."""
    again = hpass.run(hpass.run(WRAPPED).apply())

    declared = list(again.context.table.declared or ())
    assert declared.index("model.blocks.1") < declared.index("model.blocks.0")


def test_a_broken_table_of_an_earlier_run_leaves_the_exporter_s_to_be_aligned() -> None:
    tagged = hpass.run(WRAPPED).apply()
    next(prop for prop in tagged.metadata_props if prop.key == MODULES).value = "{"

    again = hpass.run(tagged)

    assert again.findings[0].rule == "broken-module-table"
    assert "fc1" not in again.modules
    assert again.modules["model.fc1"].class_name == "Linear"


def test_a_table_handed_in_outlives_the_exporter_s() -> None:
    own = hpass.ModuleTable.from_json({"": "M", "fc1": "Conv"}, "the test")
    first = hpass.run(WRAPPED, modules=own)

    assert hpass.run(first.apply()).apply() == first.apply()
    assert first.modules["model.fc1"].class_name == "Conv"

"""docs/module-table.schema.json accepts what hpass reads and writes as a module table, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hpass

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "module-table.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

_JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)

keys = st.sampled_from(["", "a", "a.b", "a..b", "modules", "class", "called", "aliases", "kind", "order", "parameters"])
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
entries = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3))
versions = st.sampled_from([1, 2, "1", None])
tables = entries | st.fixed_dictionaries({"modules": entries}, optional={"version": versions})


def test_it_is_itself_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures" / "modules").glob("*.json")), ids=lambda path: path.stem)
def test_the_table_of_every_fixture_is_valid(path: Path) -> None:
    VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures").glob("*.onnx")), ids=lambda path: path.stem)
def test_every_table_in_a_tagged_file_is_valid(path: Path) -> None:
    tagged = hpass.run(path).apply()

    found = {prop.key: prop.value for prop in tagged.metadata_props}

    VALIDATOR.validate(json.loads(found["hpass.modules"]))
    if "module_table" in found:
        VALIDATOR.validate(json.loads(found["module_table"]))


@pytest.mark.parametrize("page", ["tag-format.md", "export.md"])
def test_every_table_in_the_documentation_is_valid(page: str) -> None:
    blocks = _JSON_BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))

    assert blocks
    for block in blocks:
        VALIDATOR.validate(json.loads(block))


@given(tables)
@example({"": "Model", "layer.0": None})
@example({"version": 1, "modules": {"": {"class": "Model", "called": None, "aliases": [], "note": [1]}}})
@example({"version": 1, "modules": {"": {"aliases": None}}})
@example({"version": 2, "modules": {}})
@example({"modules": {}})
@example({".".join("a" * 100): "Model"})
@example({".".join("a" * 101): "Model"})
@example({"a": {"aliases": ["a."]}})
@example({"modules": "Model"})
def test_it_accepts_what_the_reader_accepts(data: Any) -> None:
    try:
        hpass.ModuleTable.from_json(data, "the table")
        is_read = True
    except hpass.HpassError:
        is_read = False

    assert VALIDATOR.is_valid(data) == is_read

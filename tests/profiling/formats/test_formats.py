"""What viewers read: each format against a schema of it, or against a parser of its lines."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import hpass
from hpass import Profile, UsageError
from hpass.profiling.aggregate import aggregate
from hpass.profiling.formats import (
    collapsed_stacks,
    csv_table,
    json_format,
    model_explorer,
    netron,
    perfetto,
    speedscope,
)
from hpass.profiling.formats.writers import FORMATS, write_profile
from hpass.profiling.node_modules import NodeModule
from hpass.profiling.node_times import NodeSpan, NodeTimes, ProfiledNode
from hpass.tags.module_table import ModuleTable

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "profile.schema.json").read_text(encoding="utf-8"))

NUMBER = {"type": "number", "minimum": 0}
TEXT = {"type": "string"}

# After src/lib/file-format-spec.ts of speedscope.
SPEEDSCOPE = {
    "type": "object",
    "required": ["$schema", "shared", "profiles"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "name": TEXT,
        "exporter": TEXT,
        "activeProfileIndex": {"type": "integer"},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {"type": "object", "required": ["name"], "properties": {"name": TEXT}},
                }
            },
        },
        "profiles": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "sampled"},
                    "name": TEXT,
                    "unit": {"enum": ["none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"]},
                    "startValue": NUMBER,
                    "endValue": NUMBER,
                    "samples": {
                        "type": "array",
                        "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                    },
                    "weights": {"type": "array", "items": NUMBER},
                },
            },
        },
    },
}

# After the document "Trace Event Format" of Chrome: complete events and metadata.
CHROME = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "traceEvents": {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "required": ["name", "ph", "ts", "dur", "pid", "tid", "cat"],
                        "properties": {"ph": {"const": "X"}, "ts": NUMBER, "dur": NUMBER, "pid": {"type": "integer"}},
                    },
                    {
                        "required": ["name", "ph", "pid", "args"],
                        "properties": {"ph": {"const": "M"}, "name": {"enum": ["thread_name", "process_name"]}},
                    },
                ]
            },
        },
    },
}

# After the guide "Custom node data" of Model Explorer.
NODE_DATA = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["results"],
        "additionalProperties": False,
        "properties": {
            "name": TEXT,
            "results": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["value"],
                    "properties": {"value": {"type": "number"}},
                },
            },
            "gradient": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["stop"],
                    "properties": {"stop": {"type": "number", "minimum": 0, "maximum": 1}, "bgColor": TEXT},
                },
            },
        },
    },
}

# After `metadata.Attachment` in Netron's source.
NETRON_ENTRIES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["kind", "target", "name", "value"],
        "properties": {"kind": {"enum": ["model", "graph", "node", "value", "tensor"]}, "target": TEXT, "name": TEXT},
    },
}
NETRON = {
    "type": "object",
    "required": ["signature"],
    "properties": {
        "signature": {"const": "netron:attachment"},
        "metadata": NETRON_ENTRIES,
        "metrics": NETRON_ENTRIES,
    },
}


@pytest.fixture(scope="module")
def real() -> Profile:
    return hpass.profile(ROOT / "fixtures" / "control_flow.onnx", runs=3, warmup=1)


@pytest.fixture
def made() -> Profile:
    """Return a profile of two modules, one of which has a hostile name, and of a node without a module."""
    hostile = "a.=cmd|'x';b\n\u202e"
    table = ModuleTable()
    for scope, class_name in (("", "Model"), ("a", "Block"), (hostile, "Linear")):
        table.add(scope, class_name)
    nodes = [ProfiledNode(name, "Gemm", "CPUExecutionProvider") for name in ("one", "two", "three\nlines", "")]
    times = NodeTimes(
        nodes,
        np.array([[10.0, 20.0, 30.0, 5.0], [12.0, 22.0, 30.0, 5.0], [11.0, 21.0, 30.0, 5.0]]),
        [1, 1, 2, 1],
        [4, 4, 4, 4],
        1.0,
        [NodeSpan(0, 10, 0), NodeSpan(10, 30, 1), NodeSpan(35, 65, 2), NodeSpan(66, 71, 3)],
    )
    modules = [NodeModule("a", ("a",)), NodeModule(hostile, (hostile,)), NodeModule(""), NodeModule(None)]
    parts: Any = aggregate(times, modules, table)
    return Profile(model="m.onnx", total_us=33.0, profiled_wall_us=80.0, warmup=0, **parts)


@pytest.mark.parametrize("which", ["real", "made"])
@pytest.mark.parametrize(
    ("dumps", "schema"),
    [
        (json_format.dumps, SCHEMA),
        (speedscope.dumps, SPEEDSCOPE),
        (perfetto.dumps, CHROME),
        (model_explorer.dumps, NODE_DATA),
        (netron.dumps, NETRON),
    ],
)
def test_json_keeps_its_schema(which: str, dumps: Any, schema: Any, request: pytest.FixtureRequest) -> None:
    jsonschema.validate(json.loads(dumps(request.getfixturevalue(which))), schema)


def test_the_times_of_a_profile_that_was_made(made: Profile) -> None:
    value = json_format.to_json(made)

    assert value["profiled_us"] == 67
    assert value["mapped"] == pytest.approx(62 / 67)
    assert value["modules"]["a"]["own_us"] == 11
    assert value["modules"]["a"]["all_us"] == 32
    assert value["modules"][""]["all_us"] == 62
    assert value["modules"][""]["calls"] == 2
    assert value["unmapped"]["own_us"] == 5


def test_speedscope_has_the_wall_time(made: Profile) -> None:
    value = json.loads(speedscope.dumps(made))
    profile = value["profiles"][0]

    assert len(profile["samples"]) == len(profile["weights"])
    assert profile["endValue"] == pytest.approx(33)
    names = [[value["shared"]["frames"][frame]["name"] for frame in sample] for sample in profile["samples"]]
    assert ["Model", "a: Block"] in names
    assert ["(unmapped)"] in names


def test_a_line_of_collapsed_stacks_is_a_stack_and_a_number(made: Profile) -> None:
    lines = collapsed_stacks.dumps(made).splitlines()

    stacks = {tuple(stack.split(";")): int(number) for stack, _, number in (line.rpartition(" ") for line in lines)}
    assert ("Model", "a: Block") in stacks
    assert len(stacks) == 4
    assert sum(stacks.values()) == pytest.approx(33_000, abs=4)


def test_modules_of_a_trace_hold_their_nodes(made: Profile) -> None:
    events = [event for event in json.loads(perfetto.dumps(made))["traceEvents"] if event["ph"] == "X"]
    modules = [event for event in events if event["cat"] == "module"]
    spans = {event["name"]: (event["ts"], event["ts"] + event["dur"]) for event in modules}

    assert spans["Model"] == (0, 65)
    assert spans["a: Block"] == (0, 30)
    for event in events:
        if event["cat"] == "node":
            holders = [span for span in spans.values() if span[0] <= event["ts"] < span[1]]
            assert all(event["ts"] + event["dur"] <= end for _, end in holders)
            assert holders


def test_a_spreadsheet_takes_no_name_for_a_formula(made: Profile) -> None:
    made_rows = list(csv.DictReader(io.StringIO(csv_table.dumps(made))))

    assert {row["scope"] for row in made_rows} >= {"", "a", "(unmapped)"}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in made_rows for cell in row.values())
    assert sum(float(row["own_us"]) for row in made_rows) == pytest.approx(67)


def test_netron_gets_no_name_that_it_would_cut(made: Profile) -> None:
    assert {entry["target"] for entry in json.loads(netron.dumps(made))["metrics"]} == {"one", "two"}


@pytest.mark.parametrize("ending", FORMATS)
def test_the_ending_of_a_name_chooses_the_format(ending: str, made: Profile, tmp_path: Path) -> None:
    write_profile(made, tmp_path / f"p{ending}")

    assert (tmp_path / f"p{ending}").read_text(encoding="utf-8") == FORMATS[ending](made)


def test_an_unknown_ending_is_refused(made: Profile, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown format; the name must end in \.speedscope\.json"):
        write_profile(made, tmp_path / "p.png")

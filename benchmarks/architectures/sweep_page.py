"""Write docs/results/sweep.md from the records of the sweep."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from importlib.util import find_spec

from .isolated import Record
from .page import problems_of

# The packages that the result depends on. Many vision models need timm.
_REPORTED_PACKAGES = ("torch", "transformers", "timm", "onnxruntime")
_AGREES = "exported, tagged, agrees"

INTRODUCTION = """\
# Every architecture of transformers

Made by `python -m benchmarks.architectures.sweep`. The base model of every model type gets a small config, made by
one general rule (`benchmarks/architectures/tiny.py`), and random weights. It is exported with generated sample
inputs, tagged by the whole pipeline, and run by onnxruntime against torch. If the outputs differ and torch differs
from itself by as much, the row says so. Causes are ties within a top-k, rounding, random numbers, fused attention,
and the program that transformers' exporter makes before it writes ONNX.

A failed row names the cause:

- *config*, *model*, *inputs*: the general rule, not the exporter;
- *default config*: the defaults of the config class, which fail at the same line of transformers;
- *package*: a required package is not installed;
- *export*: neither of torch's exporters can export the model;
- *check*: onnxruntime refuses the exported file;
- *limit*: the architecture took more processor time than each is given;
- *crash*: the process ended by itself.
"""


def sweep_page(records: dict[str, Record], base_classes: dict[str, str]) -> str:
    """Return the page: the counts, then one row per architecture. `base_classes` are the class names by model type."""
    verdicts = {kind: verdict(record) for kind, record in records.items()}
    counts = Counter(result.partition(":")[0] for result in verdicts.values())
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _REPORTED_PACKAGES if find_spec(name))
    lines = [
        INTRODUCTION,
        f"{versions}.",
        "",
        f"{len(records)} of {len(base_classes)} architectures tried" + _rest(len(base_classes) - len(records)),
        "",
        "| result | architectures |",
        "|---|--:|",
        *(f"| {result} | {count} |" for result, count in counts.most_common()),
        "",
        "| model type | class | inputs | engine | nodes | modules | auxiliary | result |",
        "|---|---|---|---|--:|--:|--:|---|",
    ]
    for kind, record in sorted(records.items()):
        numbers = [str(record.get(key, "")) for key in ("engine", "nodes", "modules", "auxiliary")]
        result = verdicts[kind].replace("|", "/")
        inputs = ", ".join(record.get("inputs", []))
        lines.append(f"| {kind} | {base_classes[kind]} | {inputs} | {' | '.join(numbers)} | {result} |")
    return "\n".join(lines) + "\n"


def verdict(record: Record) -> str:
    """Return a description of an architecture's result."""
    if "failure" in record:
        cause = "default config" if record.get("by default") else record["stage"]
        return f"failed ({cause}): {record['failure']}"
    problems = problems_of(record)
    if len(problems) == 1 and record.get("instability"):
        return f"exported and tagged, torch differs from itself: {problems[0]}"
    if problems:
        return f"exported and tagged, with a remark: {'; '.join(problems)}"
    missing = ", ".join(record.get("left out", []))
    return f"{_AGREES}, but without a part of the model: {missing}" if missing else _AGREES


def _rest(untried: int) -> str:
    return f"; the run was stopped, and nothing is known of the other {untried}:" if untried else ":"

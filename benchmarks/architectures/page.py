"""Write docs/results/architectures.md from the measured rows."""

from __future__ import annotations

from collections.abc import Sequence

from .isolated import Record
from .rows import Row

Results = Sequence[tuple[Row, dict[str, Record]]]
"""Each row with its records by engine."""

_COLUMNS = (
    "| model | parameters | nodes | modules | auxiliary | metadata | other sources | coverage "
    "| export | tagging | difference |"
)

# The tolerance for float32 in other kernels, relative to the largest output value.
TOLERANCE = 1e-3
# The target for the export and the tagging of a model of ordinary size, in seconds.
TARGET = 10

INTRODUCTION = """\
# Architectures

Made by `python -m benchmarks.architectures`. Every row is a real run: `hpass export` with random weights, `hpass run`
with all passes, then onnxruntime against torch on the same inputs. A model of transformers is built from its config
class with the real model's sizes, so its graph is the real one; only the weights are random.

- *modules*: modules that have at least one node, of the modules that were called.
- *auxiliary*: operations that move, shape, select, convert or create tensors.
- *metadata*, *other sources*: the number of nodes by how their module is known: from the exporter's metadata, or else.
- *export*: the export call of torch or transformers; *tagging*: the whole pipeline. Both are seconds of processor time
  in one process with one thread, after one warm-up export. Imports, file I/O and building the model are not counted.
- *difference*: the largest absolute difference of any output, and in parentheses the same relative to the largest
  output value.

"""


def page(results: Results, versions: str) -> str:
    """Return the page: a table per engine, the problems, and the modules without nodes with the reasons."""
    parts = [INTRODUCTION, f"Measured with {versions}.\n"]
    for engine, title in (("dynamo", "torch.export"), ("torchscript", "TorchScript (`--engine torchscript`)")):
        parts += [f"\n## {title}\n\n", _table(results, engine)]
    parts += ["\n## Models of ordinary size\n\n", _speed(results)]
    parts += ["\n## Checks\n\n", _checks(results)]
    parts += ["\n## Modules that run an operation in torch and have no node in ONNX\n\n", _absent(results)]
    return "".join(parts)


def _table(results: Results, engine: str) -> str:
    lines = [
        _COLUMNS,
        "|---|--:|--:|--:|--:|--:|---|--:|--:|--:|--:|",
    ]
    for row, records in results:
        record = records.get(engine)
        if record is None:
            continue
        if "failure" in record:
            lines.append(f"| {row.name} | | failed, see below | | | | | | | | |")
            continue
        others = ", ".join(
            f"{count} {source}" for source, count in sorted(record["sources"].items()) if source != "metadata"
        )
        lines.append(
            f"| {row.name} | {record['parameters'] / 1e6:.1f} M | {record['nodes']} "
            f"| {record['modules']} of {record['called']} | {record['auxiliary']} "
            f"| {record['sources'].get('metadata', 0)} | {others} | {100 * record['coverage']:.0f}% "
            f"| {record['export']:.1f} | {record['tagging']:.2f} "
            f"| {record['difference']:.1e} ({record['relative']:.0e}) |"
        )
    return "\n".join(lines) + "\n"


def _speed(results: Results) -> str:
    lines = [
        f"| model | export call + pipeline | under {TARGET} s | tagging's share | torch.onnx.export alone |",
        "|---|--:|---|--:|--:|",
    ]
    for row, records in results:
        record = records.get("dynamo", {})
        if not row.ordinary or "export" not in record:
            continue
        total = record["export"] + record["tagging"]
        lines.append(
            f"| {row.name} | {total:.1f} s | {'yes' if total < TARGET else 'no'} "
            f"| {100 * record['tagging'] / total:.1f}% | {record['torch']:.1f} s |"
        )
    return "\n".join(lines) + "\n"


def _checks(results: Results) -> str:
    problems: list[str] = []
    count = 0
    for row, records in results:
        for engine, record in records.items():
            count += 1
            problems += [f"- {row.name}, {engine}: {problem}" for problem in problems_of(record)]
    if not problems:
        return (
            f"All {count} runs: every node tagged, every scope a module that ran, every class right, validation "
            f"without errors, outputs within {TOLERANCE:g} of the largest value.\n"
        )
    return f"Problems in {count} runs:\n\n" + "\n".join(problems) + "\n"


def problems_of(record: Record) -> list[str]:
    """Return a description of each problem in a record."""
    if "failure" in record:
        return [f"failed: {record['failure']}"]
    found: list[str] = []
    if record["coverage"] < 1:
        found.append(f"{100 * record['coverage']:.2f}% of the nodes tagged")
    if record["invented"]:
        found.append(f"no module of the model: {', '.join(record['invented'][:5])}")
    if record["never called"]:
        found.append(f"modules that never ran own nodes: {', '.join(record['never called'][:5])}")
    if record["wrong classes"]:
        found.append(f"another class: {', '.join(record['wrong classes'][:5])}")
    if record["errors"]:
        found.append(f"validation: {record['errors'][0]}")
    if not record["relative"] <= TOLERANCE:
        instability = record.get("instability")
        found.append(f"outputs differ by {record['difference']:.1e}" + (f"; {instability}" if instability else ""))
    return found


def _absent(results: Results) -> str:
    lines = ["| model | modules | reason |", "|---|---|---|"]
    for row, records in results:
        reasons: dict[str, list[str]] = {}
        for name, reason in records.get("dynamo", {}).get("lost", {}).items():
            reasons.setdefault(reason, []).append(name)
        lines += [f"| {row.name} | {_shortened(names)} | {reason} |" for reason, names in reasons.items()]
    return "\n".join(lines) + "\n"


def _shortened(names: list[str]) -> str:
    shown = ", ".join(f"`{name or '(root)'}`" for name in names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"  # noqa: PLR2004

"""The report of a run as Markdown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..escape import for_markdown, for_markdown_code, for_terminal
from ..tags.tag_format import Source
from ..wording import counted, percent
from .module_tree import draw, label, module_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..api import Run

# Nodes with the same reason share a line, which names at most this many of them.
_MAX_EXAMPLES = 20


def markdown(run: Run, document: Mapping[str, Any]) -> str:
    """Return the Markdown report of a run. `document` is the run's JSON report."""
    sections = (
        _summary_lines(document),
        _finding_lines(document),
        _fallback_lines(document),
        _skipped_lines(document),
        _tree_lines(run),
    )
    return "\n".join(line for section in sections for line in section)


def _summary_lines(document: Mapping[str, Any]) -> Iterator[str]:
    totals = document["totals"]
    auxiliary = totals["auxiliary"]
    yield f"# {for_markdown(document['input'])}"
    yield ""
    if document["output"] is not None:
        yield f"- Tagged model: {for_markdown_code(document['output'])}"
    yield f"- Pipeline: {for_markdown_code(document['pipeline'])}"
    yield ""
    yield from _table_lines(
        ("", "nodes"),
        [
            ("all", totals["nodes"]),
            ("tagged", f"{totals['tagged']} ({percent(totals['tagged'], totals['nodes'])})"),
            *((f"source: {name}", count) for name, count in totals["sources"].items()),
            *((f"confidence: {name}", count) for name, count in totals["confidences"].items()),
            ("auxiliary operations", auxiliary["found"]),
            ("of them inherited", auxiliary["inherited"]),
            ("of them fell back", auxiliary["fell_back"]),
            ("of them at the root", auxiliary["at_root"]),
            ("of them serving another module", auxiliary["serving"]),
        ],
    )
    yield f"The nodes ran in {totals['modules']} modules and have {totals['tags']} distinct tags."
    yield ""
    yield from _table_lines(
        ("pass", "seconds", "tags given"),
        [
            (
                item["name"],
                "" if item["seconds"] is None else f"{item['seconds']:.4f}",
                ", ".join(f"{count} {source}" for source, count in item["tagged"].items()) or "none",
            )
            for item in document["passes"]
        ],
    )


def _finding_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield "## Findings"
    yield ""
    if not document["findings"]:
        yield "None."
        yield ""
        return
    yield from _table_lines(
        ("severity", "rule", "message", "node"),
        [(item["severity"], item["rule"], item["message"], item["node"] or "") for item in document["findings"]],
    )


def _fallback_lines(document: Mapping[str, Any]) -> Iterator[str]:
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for node in document["nodes"]:
        if node["source"] == Source.FALLBACK:
            reasons[node["reason"]].append(f"{_operation(node)} to {for_markdown_code(node['tag'])}")
        elif node["source"] is None:
            reasons["no pass gave it a tag"].append(_operation(node))
    yield from _reason_lines("Fallbacks", reasons)


def _operation(node: Mapping[str, Any]) -> str:
    return f"{for_markdown_code(node['position'])} {for_markdown(node['op'])}"


def _skipped_lines(document: Mapping[str, Any]) -> Iterator[str]:
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for item in document["passes"]:
        for skip in item["skipped"]:
            reasons[f"{item['name']}: {skip['reason']}"].append(for_markdown_code(skip["node"] or "removed"))
    if reasons:
        yield from _reason_lines("Skipped nodes", reasons)


def _reason_lines(title: str, reasons: Mapping[str, list[str]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if not reasons:
        yield "None."
        yield ""
    for reason, nodes in sorted(reasons.items(), key=lambda item: -len(item[1])):
        more = f", and {len(nodes) - _MAX_EXAMPLES} more" if len(nodes) > _MAX_EXAMPLES else ""
        shown = ", ".join(nodes[:_MAX_EXAMPLES])
        yield f"- {counted(len(nodes), 'node')}, because {for_markdown(reason)}: {shown}{more}"
    yield ""


def _tree_lines(run: Run) -> Iterator[str]:
    yield "## Modules"
    yield ""
    yield "The first number counts the nodes of the module itself, the second also those of its submodules."
    yield ""
    yield "```text"
    for line in draw(module_tree(run.scopes(), run.modules)):
        yield for_terminal(f"{line.branch.own:7} {line.branch.total:7}  {line.prefix}{label(line.branch)}")
    yield "```"
    yield ""


def _table_lines(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(for_markdown(str(cell)) for cell in row)} |"
    yield ""

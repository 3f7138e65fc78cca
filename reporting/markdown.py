"""The report of a run for people, as Markdown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..tags.tag_format import Source
from .module_tree import draw, label, module_tree
from .wording import percent, several

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..api import Run

# A reason that thousands of nodes share is told once; so many of its nodes are named.
_EXAMPLES = 20


def markdown(run: Run, document: Mapping[str, Any]) -> str:
    """Return the Markdown report of a run; `document` is its JSON report."""
    sections = (_summary(document), _findings(document), _fallbacks(document), _skipped(document), _tree(run))
    return "\n".join(line for section in sections for line in section)


def _summary(document: Mapping[str, Any]) -> Iterator[str]:
    totals = document["totals"]
    auxiliary = totals["auxiliary"]
    yield f"# {document['input']}"
    yield ""
    if document["output"] is not None:
        yield f"- Tagged model: `{document['output']}`"
    yield f"- Pipeline: `{document['pipeline']}`"
    yield ""
    yield from _table(
        ("", "nodes"),
        [
            ("all", totals["nodes"]),
            ("tagged", f"{totals['tagged']} ({percent(totals['coverage'])})"),
            *((f"source: {name}", count) for name, count in totals["sources"].items()),
            *((f"confidence: {name}", count) for name, count in totals["confidences"].items()),
            ("auxiliary operations", auxiliary["found"]),
            ("of them inherited", auxiliary["inherited"]),
            ("of them fell back", auxiliary["fell_back"]),
            ("of them at the root", auxiliary["at_root"]),
            ("of them serving another module", auxiliary["serving"]),
        ],
    )
    yield f"The nodes ran in {totals['modules']} modules and have {totals['tags']} different tags."
    yield ""
    yield from _table(
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


def _findings(document: Mapping[str, Any]) -> Iterator[str]:
    yield "## Findings"
    yield ""
    if not document["findings"]:
        yield "None."
        yield ""
        return
    yield from _table(
        ("severity", "rule", "what", "node"),
        [(item["severity"], item["rule"], item["message"], item["node"] or "") for item in document["findings"]],
    )


def _fallbacks(document: Mapping[str, Any]) -> Iterator[str]:
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for node in document["nodes"]:
        if node["source"] == Source.FALLBACK:
            reasons[node["reason"]].append(f"`{node['position']}` {node['op']} to `{node['tag']}`")
        elif node["source"] is None:
            reasons["the pipeline gave it no tag"].append(f"`{node['position']}` {node['op']}")
    yield from _reasons("What fell back", reasons)


def _skipped(document: Mapping[str, Any]) -> Iterator[str]:
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for item in document["passes"]:
        for skip in item["skipped"]:
            reasons[f"{item['name']}: {skip['reason']}"].append(f"`{skip['node'] or 'removed'}`")
    if reasons:
        yield from _reasons("What passes left alone", reasons)


def _reasons(title: str, reasons: Mapping[str, list[str]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if not reasons:
        yield "Nothing."
        yield ""
    for reason, nodes in sorted(reasons.items(), key=lambda item: -len(item[1])):
        more = f", and {len(nodes) - _EXAMPLES} more" if len(nodes) > _EXAMPLES else ""
        yield f"- {several(len(nodes), 'node')}, because {_escaped(reason)}: {', '.join(nodes[:_EXAMPLES])}{more}"
    yield ""


def _tree(run: Run) -> Iterator[str]:
    yield "## Modules"
    yield ""
    yield "Nodes that ran in the module itself, and with those below it."
    yield ""
    yield "```text"
    for line in draw(module_tree((tag for _, tag in run.tags()), run.modules)):
        yield f"{line.branch.own:7} {line.branch.total:7}  {line.prefix}{label(line.branch)}"
    yield "```"
    yield ""


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_escaped(str(cell)) for cell in row)} |"
    yield ""


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\|`*_<>[]" else char for char in " ".join(text.split()))

"""`hpass show`: one node, its tag, and the evidence for and against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from .dataclass_options import with_dataclass_options
from .shared_options import Input, Json
from .streams import Line, Styled, write_json, write_result
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..graph.node_source import Node, NodeSource, NodeT
    from ..selection.node_instances import TagOf
    from ..tags.module_table import ModuleTable

    _Found = tuple[dict[str, Any], Node]

# The maximum numbers of values and of feature contributions in the output.
_MAX_VALUES = 6
_MAX_CONTRIBUTIONS = 8


@with_dataclass_options
def show(
    source: Input,
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE",
            help="A node name, a value name, a position in quotes ('#12/then_branch#3'), or the name of a module.",
        ),
    ],
    *,
    stored: Annotated[bool, typer.Option("--stored", help="Show the tag stored in the file; run no pass.")] = False,
    tagging: TaggingOptions,
    json: Json = False,
) -> None:
    """Show a node's tag and the reasons for it.

    The passes run again, so stored tags count as evidence. If several nodes match, they are listed
    with their positions. Of a module, all nodes are listed that run in it or below it.
    """
    if stored and tagging.any_given:
        raise UsageError("--stored runs no pass; remove --passes, --set, --modules, --model, --reference and --retag")

    found = _stored(source, node) if stored else _explained(source, node, tagging, lists_reasons=json)
    if json:
        write_json([entry for entry, _ in found])
    elif len(found) > 1:
        write_result(*_match_lines([entry for entry, _ in found]))
    else:
        write_result(*_node_lines(*found[0], stored=stored))


def _stored(source: Path, text: str) -> list[_Found]:
    from ..graph.tagged_file import TaggedFile

    tagged = TaggedFile.open(source)
    if tagged is not None:
        return _stored_entries(tagged, text)
    from ..api import load

    return _stored_entries(load(source), text)


def _stored_entries(model: NodeSource[NodeT], text: str) -> list[_Found]:
    from ..reporting.find_nodes import find_nodes
    from ..reporting.node_entry import stored_entry
    from ..tags.module_table import ModuleTable

    modules = model.stored_modules() or ModuleTable()
    shown = _shown(model, model.stored_tag, modules, text, find_nodes(model, text))
    return [(stored_entry(position, match, model) | more, match) for position, match, more in shown]


def _explained(source: Path, text: str, tagging: TaggingOptions, *, lists_reasons: bool) -> list[_Found]:
    from ..api import load
    from ..reporting.explanation import explain
    from ..reporting.find_nodes import find_nodes
    from ..reporting.json_report import attribution_entry, node_entry

    model = load(source)
    found = find_nodes(model, text)
    # A list of matches shows no reasons, so none are computed.
    run = tagging.run(model, (match for _, match in found) if lists_reasons or len(found) == 1 else ())
    return [
        (node_entry(explain(position, match, run.context), run) | attribution_entry(match, run.context) | more, match)
        for position, match, more in _shown(model, run.tag, run.modules, text, found)
    ]


def _shown(
    model: NodeSource[NodeT], tag_of: TagOf[NodeT], modules: ModuleTable, text: str, found: list[tuple[str, NodeT]]
) -> Iterator[tuple[str, NodeT, dict[str, Any]]]:
    """Yield the nodes that were found, else those of a module, and what their entries say otherwise in functions."""
    from ..reporting.find_nodes import find_in_module
    from ..reporting.node_entry import at_all_calls, at_call
    from ..selection.node_instances import scopes_by_node

    if not found:
        for position, instance in find_in_module(model, tag_of, text):
            yield position, instance.node, at_call(instance, modules)
        return
    in_functions = {id(node) for _, nodes in model.function_regions() for node in nodes}
    scopes = scopes_by_node(model, tag_of) if any(id(match) in in_functions for _, match in found) else None
    for position, match in found:
        yield position, match, {} if scopes is None else at_all_calls(tag_of(match), scopes.get(match))


def _match_lines(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield one line per node: position, operator, name and module."""
    widths = [max(len(entry[key]) for entry in entries) for key in ("position", "op")]
    for entry in entries:
        scope = "untagged" if entry["scope"] is None else entry["scope"] or "(root)"
        yield f"{entry['position']:<{widths[0]}}  {entry['op']:<{widths[1]}}  {entry['name'] or '(no name)'}  {scope}"


def _node_lines(entry: dict[str, Any], node: Node, *, stored: bool) -> Iterator[Line]:
    yield f"{entry['position']} {entry['op']} {entry['name']}"
    yield ""
    for title, text in _node_facts(entry, node, stored=stored):
        yield "  ", Styled(f"{title:<10}", dim=True), f"  {text}"


def _node_facts(entry: dict[str, Any], node: Node, *, stored: bool) -> Iterator[tuple[str, str]]:
    if entry["scope"] is None:
        yield "tag", "none"
    else:
        ran = "where all calls of its function lie" if "runs_in" in entry else "where it ran"
        # The tag is the class path of the module that is served, which most nodes ran in.
        yield "tag", f"{entry['tag']} ({ran if entry['serves'] is None else 'whom it serves'})"
        yield "scope", f"{entry['scope'] or '(root)'} ({ran})"
        if entry["call"] is not None:
            yield "call", f"{entry['call']} of the module's calls, from 0"
        if "runs_in" in entry:
            yield "runs in", _values([scope or "(root)" for scope in entry["runs_in"]])
        if entry["serves"] is not None:
            yield "serves", f"{entry['serves'] or '(root)'} (whom it serves)"
        yield "source", f"{entry['source']}, confidence {entry['confidence']}"
    if entry["reason"] is not None:
        yield "reason", f"{entry['reason']} ({entry['pass']})"
    for claim in entry["evidence"]:
        uncertain = "" if claim["certain"] else ", among other possible modules"
        says = f"names {claim['scope'] or '(root)'}{uncertain}"
        yield "for" if claim["supports"] else "against", f"{claim['origin']} '{claim['text']}' {says}"
    if not entry["evidence"] and not stored:
        yield "evidence", "none in the file"
    for item in entry.get("contributions", [])[:_MAX_CONTRIBUTIONS]:
        title = "for" if item["contribution"] > 0 else "against"
        yield title, f"{item['contribution']:+.1f} {item['feature']}: {item['gloss']}"
    if entry.get("runner_up") is not None:
        yield "runner-up", entry["runner_up"] or "(root)"
    yield "reads", _values([value.name for value in node.inputs])
    yield "writes", _values([value.name for value in node.outputs])


def _values(names: list[str]) -> str:
    more = f", and {len(names) - _MAX_VALUES} more" if len(names) > _MAX_VALUES else ""
    return ", ".join(name or "(left out)" for name in names[:_MAX_VALUES]) + more if names else "nothing"

"""Bodies that do the same but for their weights: find them, and make one of several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import onnx

from ..tags.tag_edits import remove_tags
from ..tags.tag_format import WITHIN, Confidence, tag_entries
from .bodies import Body
from .canonical_form import CanonicalForm, canonical_form
from .function_body import defined_names, rename_values
from .graph_view import Decisions, inner_nodes
from .messages import Names

_ORDER = list(Confidence)


class Equal(NamedTuple):
    """A body and its canonical form, in which equal bodies agree place by place."""

    body: Body
    nodes: list[onnx.NodeProto]
    values: list[str]


def equal_bodies(bodies: Sequence[Body], weights: Mapping[str, tuple[int, ...]]) -> Iterator[list[Equal]]:
    """Yield groups of equal bodies. Constants that differ in a group are handed in from outside.

    `weights` has the element types and shapes of weights, which must be equal.
    """
    groups: defaultdict[bytes, list[tuple[Body, CanonicalForm]]] = defaultdict(list)
    for body in bodies:
        form = canonical_form(body.nodes, weights.get)
        groups[form.key].append((body, form))
    for group in groups.values():
        first = group[0][1]
        differing = [
            place
            for place, held in first.constants.items()
            if any(form.constants[place] != held for _, form in group[1:])
        ]
        for body, form in group:
            body.hand_in([form.nodes[place] for place in differing])
        yield [
            Equal(body, [node for place, node in enumerate(form.nodes) if place not in differing], form.values)
            for body, form in group
        ]


def align(group: Sequence[Equal]) -> None:
    """Bring the inputs and outputs of equal bodies into one order. All get the outputs that any of them has."""
    first = group[0]
    places = {name: place for place, name in enumerate(first.values)}
    inputs = [places[name] for name in first.body.inputs]
    needed: set[int] = set()
    for body, _, values in group:
        own = {name: place for place, name in enumerate(values)}
        needed.update(own[name] for name in body.outputs)
    outputs = [places[name] for node in first.body.nodes for name in node.output if name and places[name] in needed]
    for body, _, values in group:
        body.inputs = [values[place] for place in inputs]
        body.outputs = [values[place] for place in outputs]


def unite(
    group: Sequence[Equal],
    types: Sequence[Sequence[onnx.ValueInfoProto]],
    weights: Mapping[str, tuple[int, ...]],
    decisions: Decisions,
) -> tuple[list[onnx.ValueInfoProto], int]:
    """Make the first of several equal bodies the one of all; return the types of its values.

    Metadata that is not the same in all is dropped; the number of dropped entries is returned as well. `types` has the
    types of each body. Names say where a node is below the module, because those of the first module mislead.
    """
    dropped = 0
    for nodes in zip(*(nodes for _, nodes, _ in group), strict=True):
        for same in zip(*(chain([node], inner_nodes(node)) for node in nodes), strict=True):
            for node in same:
                # The tags are written anew.
                remove_tags(node)
            dropped += _keep_common(same)
            known = [decisions[node] for node in same]
            decisions[same[0]] = max(known, key=lambda decision: _ORDER.index(decision.tag.confidence))
    kept, dropped_types = _common_types(group, types)
    renamed = _new_names(group[0].body, weights)
    for node in group[0].body.nodes:
        rename_values(node, renamed)
    for info in kept:
        info.name = renamed[info.name]
    body = group[0].body
    body.formal_inputs = [renamed[name] for name in body.inputs]
    body.formal_outputs = [renamed[name] for name in body.outputs]
    return kept, dropped + dropped_types


def _keep_common(same: Sequence[Any]) -> int:
    """Remove the metadata and the doc string of the first message unless all have the same; return how many go."""
    entries = [{(entry.key, entry.value) for entry in message.metadata_props} for message in same]
    common = set[tuple[str, str]].intersection(*entries)
    first = same[0]
    for index in reversed(range(len(first.metadata_props))):
        if (first.metadata_props[index].key, first.metadata_props[index].value) not in common:
            del first.metadata_props[index]
    dropped = sum(len(own - common) for own in entries)
    if any(message.doc_string != first.doc_string for message in same):
        dropped += sum(bool(message.doc_string) for message in same)
        first.ClearField("doc_string")
    return dropped


def _common_types(
    group: Sequence[Equal], types: Sequence[Sequence[onnx.ValueInfoProto]]
) -> tuple[list[onnx.ValueInfoProto], int]:
    """Return copies of the types of the first body that all have, and the number of those that are dropped."""
    of_place: list[dict[int, onnx.ValueInfoProto]] = []
    for (_, _, values), infos in zip(group, types, strict=True):
        places = {name: place for place, name in enumerate(values)}
        of_place.append({places[info.name]: info for info in infos})
    kept: list[onnx.ValueInfoProto] = []
    dropped = 0
    for place, info in of_place[0].items():
        same = [found[place] for found in of_place if place in found]
        if len(same) < len(group) or any(other.type != info.type for other in same):
            continue
        copies = [onnx.ValueInfoProto.FromString(other.SerializeToString()) for other in same]
        dropped += _keep_common(copies)
        kept.append(copies[0])
    return kept, dropped + sum(map(len, of_place)) - len(kept) * len(group)


def _new_names(body: Body, weights: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Name the nodes of a body, and return names for its values."""
    values, nodes = Names(set()), Names(set())
    renamed: dict[str, str] = {}
    for name in body.inputs:
        own = name.removeprefix(f"{body.block.scope}.")
        renamed[name] = values.unique(own if own != name else "weight" if name in weights else "input")
    for node in body.nodes:
        for inner in chain([node], inner_nodes(node)):
            within = dict(tag_entries(inner)).get(WITHIN, "")
            inner.name = nodes.unique(".".join(filter(None, (within, inner.op_type))))
            for index, name in enumerate(inner.output):
                if name:
                    renamed[name] = values.unique(inner.name if not index else f"{inner.name}_{index}")
        for name in defined_names(node.attribute):
            if name not in renamed:
                renamed[name] = values.unique("value")
    return renamed

"""The ONNX nodes that a layer of TensorRT is made of, by the name of the layer.

TensorRT joins the names of what it fuses, and has words for what it adds:

    conv1.weight + /conv1/Conv + PWN(/relu/Relu)          a fusion; a weight stands for the node that reads it
    {ForeignNode[/head/Unsqueeze.../head/Concat]}         all nodes from one to another
    Reformatting CopyNode for Input Tensor 0 to /conv1/Conv
    reshape_after_/fc/Gemm, /conv1/Conv_clone_1, /Concat_/conv1/Conv_output_0 copy

A layer whose name says nothing, such as `(Unnamed Layer* 12) [Shuffle]` or `[trainStation1]`, has no node.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import onnx

from ..graph.flat_nodes import FlatGraph, FlatNode
from .trtexec_trace import Layer

_FOREIGN = re.compile(r"\{ForeignNode\[(.*)\]\}", re.DOTALL)
_RANGE = "..."
# Two layers that ran side by side as one are joined by `||`.
_JOINTS = (" + ", " || ")
_POINTWISE = re.compile(r"PWN\((.*)\)", re.DOTALL)
_WRAPPERS = (
    re.compile(r"Reformatting CopyNode for (?:Input|Output) Tensor \d+ to (.+)", re.DOTALL),
    re.compile(r"(?:copied_)?[a-z]+(?:_node)?_(?:before|after)_(.+)", re.DOTALL),
    # The parser's name for a node that has none.
    re.compile(r"node_of_(.+)", re.DOTALL),
    re.compile(r"(.+)_clone_\d+", re.DOTALL),
    re.compile(r"(.+)\[\w*Copy\]", re.DOTALL),
)
_COPY = " copy"


class TensorRTNames:
    """Finds the nodes of a model that the layers of an engine are made of."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._nodes = FlatGraph.of(model.graph).nodes
        self._position = {node.name: index for index, node in enumerate(self._nodes)}
        self._writer = {name: node for node in self._nodes for name in node.writes}
        self._readers: defaultdict[str, list[FlatNode]] = defaultdict(list)
        for node in self._nodes:
            for name in node.reads:
                self._readers[name].append(node)

    def nodes_of(self, name: str, layer: Layer | None) -> list[str]:
        """Return the names of the nodes that a layer is made of: by its metadata, its name, or what it writes."""
        texts = [] if layer is None else [layer.members]
        for text in (*texts, [name]):
            try:
                found = self._all(text)
            except RecursionError:
                # No fusion is nested that deep.
                found = []
            if found:
                return found
        values = () if layer is None else layer.outputs
        return [self._writer[value].name for value in values if value in self._writer]

    def _all(self, names: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(node for name in names for node in self._named(name)))

    def _named(self, text: str) -> list[str]:
        """Return the nodes that a name says, whole or in parts; a name may itself contain what joins names."""
        text = text.strip()
        known = self._known(text)
        if known is not None:
            return known
        if foreign := _FOREIGN.fullmatch(text):
            return self._between(foreign[1])
        for wrapper in _WRAPPERS:
            if wrapped := wrapper.fullmatch(text):
                return self._named(wrapped[1])
        for joint in _JOINTS:
            parts = _split(text, joint)
            if len(parts) > 1:
                return self._all(parts)
        if pointwise := _POINTWISE.fullmatch(text):
            return self._named(pointwise[1]) or self._all(_split(pointwise[1], ", "))
        return self._copied(text.removesuffix(_COPY)) if text.endswith(_COPY) else []

    def _known(self, text: str) -> list[str] | None:
        """Return the node of a node's name or of a value's; None if there is no such name."""
        if text in self._position:
            return [text]
        if text in self._writer:
            return [self._writer[text].name]
        # A weight of one node; what several read says little.
        readers = self._readers.get(text, [])
        return [readers[0].name] if len(readers) == 1 else None

    def _between(self, text: str) -> list[str]:
        """Return all nodes from one to another in the order of the model; none if an end is not known."""
        first, middle, last = text.partition(_RANGE)
        ends = [self._end(first), self._end(last)] if middle else [self._named(first)]
        positions = [self._position[name] for names in ends for name in names]
        return [node.name for node in self._nodes[min(positions) : max(positions) + 1]] if all(ends) else []

    def _end(self, text: str) -> list[str]:
        """Return the nodes of one end. A constant, which runs nowhere, stands for the first node that reads it."""
        names = self._named(text)
        values = [text] if not names else []
        if len(names) == 1 and self._nodes[self._position[names[0]]].operator == "Constant":
            values = list(self._nodes[self._position[names[0]]].writes)
        readers = [node.name for value in values for node in self._readers.get(value, [])]
        return readers[:1] or names

    def _copied(self, text: str) -> list[str]:
        """Return the node that a copy of a value is for: the name is that of the node, `_` and the value."""
        for index, char in enumerate(text):
            if char == "_" and text[:index] in self._position:
                return [text[:index]]
        return self._named(text)


def _split(text: str, joint: str) -> Sequence[str]:
    """Return the parts of a text between joints, without those inside of brackets."""
    parts = [""]
    depth = 0
    for piece in re.split(f"({re.escape(joint)})", text):
        if piece == joint and depth <= 0:
            parts.append("")
            continue
        parts[-1] += piece
        depth += piece.count("(") + piece.count("{") - piece.count(")") - piece.count("}")
    return parts

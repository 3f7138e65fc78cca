"""The module of a profiled node by its name, for nodes that the optimised model does not have or that is not known.

onnxruntime appends `_token_N` to a name that is taken, calls a convolution in blocks of channels `VALUE_nchwc`, writes
`fused NAME` for what it fused with NAME, and gives each compiled partition one event with the name of its provider.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import onnx

from ..graph.flat_nodes import FlatGraph
from .node_modules import UNKNOWN, ModuleLookup, NodeModule, OptimisedNodes
from .node_times import ProfiledNode

_TOKEN = re.compile(r"(_token_\d+(_\d+)*)+$")
_RENAMES = (re.compile(r"^fused "), re.compile(r"/MatMulScaleFusion/$"), re.compile(r"_nchwc$"))

Partitions = Sequence[tuple[str, Sequence[str]]]


class ProfiledNames:
    """Finds the modules of profiled nodes.

    optimised: the modules of the optimised model's nodes, empty if it is not known.
    partitions: the execution provider and the original nodes of each partition, in order.
    """

    def __init__(
        self,
        lookup: ModuleLookup,
        original: onnx.ModelProto,
        optimised: OptimisedNodes,
        partitions: Partitions = (),
    ) -> None:
        self._lookup = lookup
        self._optimised = optimised
        self._original = lookup.of_original()
        self._writer = {name: node.name for node in FlatGraph.of(original.graph).nodes for name in node.writes}
        self._partitions = partitions

    def modules_of(self, nodes: Sequence[ProfiledNode]) -> list[NodeModule]:
        """Return the module of each profiled node."""
        compiled: defaultdict[str, list[int]] = defaultdict(list)
        found: list[NodeModule] = []
        for index, node in enumerate(nodes):
            module = self._by_name(node.name)
            if module is None:
                compiled[node.provider].append(index)
            found.append(module or UNKNOWN)
        self._add_unnamed(nodes, found)
        for provider, indices in compiled.items():
            parts = [names for owner, names in self._partitions if owner == provider]
            # More events than partitions would be no compiled partitions.
            if len(parts) == len(indices):
                for index, names in zip(indices, parts, strict=True):
                    found[index] = self._lookup.of(names)
        return found

    def modules_of_originals(self, originals: Sequence[Sequence[str]]) -> list[NodeModule]:
        """Return the module of each list of original nodes, which are named by their name or by what they write."""
        return [
            self._lookup.of(name if name in self._original else self._writer.get(name, name) for name in names)
            for names in originals
        ]

    def _add_unnamed(self, nodes: Sequence[ProfiledNode], found: list[NodeModule]) -> None:
        """Give nodes called `OPERATOR_NUMBER` the modules of the nodes without a name, if there are as many of both.

        onnxruntime numbers the nodes that it expands an operator to in the order of the model.
        """
        numbered: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, node in enumerate(nodes):
            number = node.name.removeprefix(f"{node.operator}_")
            if found[index] is UNKNOWN and number.isdecimal():
                numbered[node.operator].append((int(number), index))
        for operator, events in numbered.items():
            modules = self._optimised.unnamed.get(operator, ())
            if len(modules) == len(events):
                for (_, index), module in zip(sorted(events), modules, strict=True):
                    found[index] = module

    def _by_name(self, name: str) -> NodeModule | None:
        """Return the module of a node; None if its name says nothing."""
        if name in self._optimised.named:
            return self._optimised.named[name]
        plain = _TOKEN.sub("", name)
        for pattern in _RENAMES:
            plain = pattern.sub("", plain)
        for candidate in (name, plain, self._writer.get(plain, "")):
            if candidate in self._original:
                return self._original[candidate]
        return None

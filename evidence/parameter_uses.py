"""Which parameters each node reads, directly or through operations that only pass a weight on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import onnx
import onnx_graphsurgeon as gs

from ..graph.model import Model
from ..identity_map import IdentityMap
from .literals import strings
from .parameter_names import parameter_owner

# Written by onnxscript's constant folding on the value that took the place of others: the names of those.
FOLDED_FROM = "pkg.onnxscript.optimizer.folded_from"

# Operators that hand a weight on without computing with it. TorchScript reads parameters of equal values through
# Identity nodes whose outputs carry the parameters' names; exporters transpose, quantisers dequantise.
_PASS_THROUGH_OPS = frozenset(
    {"Identity", "Transpose", "Cast", "DequantizeLinear", "QuantizeLinear", "Unsqueeze", "Squeeze", "Reshape"}
)


class ParameterUse(NamedTuple):
    """A parameter that a node reads, and the module that owns it."""

    parameter: str
    owner: str


class ParameterUses:
    """The parameters that nodes read, by the names that the file still has for them. No weight is loaded.

    `restored` holds the names of parameters for values that lost theirs.

    Two kinds of reading place no node: a tied weight has one owner and other readers elsewhere, which use it in another
    way; a node that another module was folded into reads the parameters of the one and ran in the other.
    """

    def __init__(self, model: Model, restored: Mapping[str, str] = MappingProxyType({})) -> None:
        self._readings: IdentityMap[gs.Node, list[ParameterUse]] = IdentityMap()
        self._aside: IdentityMap[gs.Node, list[ParameterUse]] = IdentityMap()
        self._owners: dict[str, None] = {}
        folded = {**_folded_parameters(model), **restored}
        # Function bodies and subgraphs read values of the graphs around them, so one table serves all regions.
        carried: dict[int, ParameterUse] = {}
        users: dict[str, tuple[str, int]] = {}
        for region in model.regions():
            proto = model.graph_proto(region.graph)
            if isinstance(proto, onnx.GraphProto):
                for tensor in proto.initializer:
                    owner = parameter_owner(tensor.name)
                    if owner is not None:
                        self._owners.setdefault(owner)
            for node in region.graph.nodes:
                self._read(node, carried, users, folded)

    def of(self, node: gs.Node) -> list[ParameterUse]:
        """Return the parameters that place a node, in the order of its inputs."""
        return self._readings.get(node) or []

    def items(self) -> Iterator[tuple[gs.Node, list[ParameterUse]]]:
        """Yield every node that reads a parameter with what it reads."""
        return self._readings.items()

    def non_local(self) -> Iterator[tuple[gs.Node, list[ParameterUse]]]:
        """Yield the nodes that read a parameter in a way that does not place them, with what they read."""
        return self._aside.items()

    def owners(self) -> list[str]:
        """Return every module that owns a parameter, whether a node reads it or not."""
        return list(self._owners)

    def _read(
        self,
        node: gs.Node,
        carried: dict[int, ParameterUse],
        users: dict[str, tuple[str, int]],
        folded: dict[str, str],
    ) -> None:
        read = _read_parameters(node, carried, folded)
        if not read:
            return
        passes_on = node.op in _PASS_THROUGH_OPS
        is_folded = _is_folded(node)
        found: list[ParameterUse] = []
        aside: list[ParameterUse] = []
        for index, reading in read:
            self._owners.setdefault(reading.owner)
            if passes_on:
                if index == 0:
                    found.append(self._passed_on(node, reading, carried))
            elif is_folded or users.setdefault(reading.parameter, (node.op, index)) != (node.op, index):
                aside.append(reading)
            else:
                found.append(reading)
        if found:
            self._readings[node] = found
        if aside:
            self._aside[node] = aside

    def _passed_on(self, node: gs.Node, reading: ParameterUse, carried: dict[int, ParameterUse]) -> ParameterUse:
        output = node.outputs[0] if node.outputs else None
        if output is None:
            return reading
        own = _parameter_use(output.name) if node.op == "Identity" else None
        if own is not None:
            self._owners.setdefault(own.owner)
        carried[id(output)] = own or reading
        return own or reading


def _read_parameters(
    node: gs.Node, carried: Mapping[int, ParameterUse], folded: Mapping[str, str]
) -> list[tuple[int, ParameterUse]]:
    """Return the parameters among a node's inputs, each with its position."""
    found: list[tuple[int, ParameterUse]] = []
    for index, tensor in enumerate(node.inputs):
        reading = carried.get(id(tensor))
        if reading is None and isinstance(tensor, gs.Constant):
            reading = _parameter_use(folded.get(tensor.name, tensor.name))
        if reading is not None:
            found.append((index, reading))
    return found


def _is_folded(node: gs.Node) -> bool:
    """Whether onnxscript's optimiser folded a normalisation into a node: it names the new bias after the weight."""
    names = {tensor.name for tensor in node.inputs if isinstance(tensor, gs.Constant)}
    return any(f"{name}_bias" in names for name in names)


def _parameter_use(name: str) -> ParameterUse | None:
    owner = parameter_owner(name)
    return None if owner is None else ParameterUse(name, owner)


def _folded_parameters(model: Model) -> dict[str, str]:
    """Return the parameter that each folded value was made from, where it was one alone."""
    found: dict[str, str] = {}
    for region in model.regions():
        proto = model.graph_proto(region.graph)
        if proto is None:
            continue
        values = (*proto.value_info, *getattr(proto, "initializer", ()))
        for value in values:
            for prop in value.metadata_props:
                if prop.key == FOLDED_FROM:
                    parameters = [name for name in strings(prop.value) if parameter_owner(name) is not None]
                    if len(parameters) == 1:
                        found[value.name] = parameters[0]
    return found

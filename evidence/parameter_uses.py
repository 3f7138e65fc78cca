"""The parameters that each node reads, directly or through operators that only pass a weight on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..graph.model import Model
from ..identity_map import IdentityMap
from .exporter_metadata import read_string_list
from .parameter_names import parameter_owner

# onnxscript's constant folding writes the names of the replaced values under this key of the new value.
FOLDED_FROM = "pkg.onnxscript.optimizer.folded_from"

# Operators that pass a weight on unchanged or in another form. TorchScript reads parameters with equal values through
# Identity nodes whose outputs have the parameters' names. Exporters insert Transpose, quantisers DequantizeLinear.
_PASS_THROUGH_OPS = frozenset(
    {"Identity", "Transpose", "Cast", "DequantizeLinear", "QuantizeLinear", "Unsqueeze", "Squeeze", "Reshape"}
)


class ParameterUse(NamedTuple):
    """A parameter that a node reads, and the module that owns it."""

    parameter: str
    owner: str


class ParameterUses:
    """The parameters that nodes read, identified by their names. No weight is loaded.

    `restored` maps the names of values that lost their parameter name to that name.

    Two kinds of use do not locate a node (`non_local`): reads of a tied weight outside its owner, recognised by another
    operator or input position than the first reader's; and reads by a node that another module was folded into.
    """

    def __init__(self, model: Model, restored: Mapping[str, str] = MappingProxyType({})) -> None:
        self._local: IdentityMap[gs.Node, list[ParameterUse]] = IdentityMap()
        self._non_local: IdentityMap[gs.Node, list[ParameterUse]] = IdentityMap()
        self._owners: dict[str, None] = {}
        folded = {**_folded_parameters(model), **restored}
        # Subgraphs read values of the graphs around them, so all regions share these dictionaries.
        use_by_value: dict[int, ParameterUse] = {}
        first_uses: dict[str, tuple[str, int]] = {}
        for region in model.regions():
            for name, _ in model.initializers(region.graph):
                owner = parameter_owner(name)
                if owner is not None:
                    self._owners.setdefault(owner)
            for node in region.graph.nodes:
                self._read(node, use_by_value, first_uses, folded)

    def of(self, node: gs.Node) -> list[ParameterUse]:
        """Return the parameter uses that locate a node, in the order of its inputs."""
        return self._local.get(node) or []

    def items(self) -> Iterator[tuple[gs.Node, list[ParameterUse]]]:
        """Yield every node with parameter uses that locate it, and those uses."""
        return self._local.items()

    def non_local(self) -> Iterator[tuple[gs.Node, list[ParameterUse]]]:
        """Yield every node with parameter uses that do not locate it, and those uses."""
        return self._non_local.items()

    def owners(self) -> list[str]:
        """Return every module that owns a parameter, including parameters that no node reads."""
        return list(self._owners)

    def _read(
        self,
        node: gs.Node,
        use_by_value: dict[int, ParameterUse],
        first_uses: dict[str, tuple[str, int]],
        folded: dict[str, str],
    ) -> None:
        uses = _read_parameters(node, use_by_value, folded)
        if not uses:
            return
        is_pass_through = node.op in _PASS_THROUGH_OPS
        is_folded = _is_folded(node)
        local: list[ParameterUse] = []
        non_local: list[ParameterUse] = []
        for index, use in uses:
            self._owners.setdefault(use.owner)
            if is_pass_through:
                if index == 0:
                    local.append(self._pass_through(node, use, use_by_value))
            elif is_folded or first_uses.setdefault(use.parameter, (node.op, index)) != (node.op, index):
                non_local.append(use)
            else:
                local.append(use)
        if local:
            self._local[node] = local
        if non_local:
            self._non_local[node] = non_local

    def _pass_through(self, node: gs.Node, use: ParameterUse, use_by_value: dict[int, ParameterUse]) -> ParameterUse:
        output = node.outputs[0] if node.outputs else None
        if output is None:
            return use
        output_use = _parameter_use(output.name) if node.op == "Identity" else None
        if output_use is not None:
            self._owners.setdefault(output_use.owner)
        use_by_value[id(output)] = output_use or use
        return output_use or use


def _read_parameters(
    node: gs.Node, use_by_value: Mapping[int, ParameterUse], folded: Mapping[str, str]
) -> list[tuple[int, ParameterUse]]:
    """Return the parameter uses among a node's inputs, each with the index of the input."""
    found: list[tuple[int, ParameterUse]] = []
    for index, tensor in enumerate(node.inputs):
        use = use_by_value.get(id(tensor))
        if use is None and isinstance(tensor, gs.Constant):
            use = _parameter_use(folded.get(tensor.name, tensor.name))
        if use is not None:
            found.append((index, use))
    return found


def _is_folded(node: gs.Node) -> bool:
    """Whether onnxscript's optimiser folded a normalisation into a node, which adds an input named `WEIGHT_bias`."""
    names = {tensor.name for tensor in node.inputs if isinstance(tensor, gs.Constant)}
    return any(f"{name}_bias" in names for name in names)


def _parameter_use(name: str) -> ParameterUse | None:
    owner = parameter_owner(name)
    return None if owner is None else ParameterUse(name, owner)


def _folded_parameters(model: Model) -> dict[str, str]:
    """Return the parameter of each folded value that was computed from exactly one parameter."""
    found: dict[str, str] = {}
    for region in model.regions():
        for name, metadata in model.value_metadata(region.graph):
            for key, value in metadata:
                if key == FOLDED_FROM:
                    parameters = [folded for folded in read_string_list(value) if parameter_owner(folded) is not None]
                    if len(parameters) == 1:
                        found[name] = parameters[0]
    return found

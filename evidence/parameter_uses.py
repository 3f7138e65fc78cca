"""The parameters that each node reads, directly or through operators that only pass a weight on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..graph.model import FunctionKey, Model
from ..graph.regions import Region
from ..identity_map import IdentityMap
from .exporter_metadata import read_string_list
from .merged_models import NamePrefixes
from .parameter_names import parameter_owner, split_parameter

# onnxscript's constant folding writes the names of the replaced values under this key of the new value.
FOLDED_FROM = "pkg.onnxscript.optimizer.folded_from"

# Operators that pass a weight on unchanged or in another form. TorchScript reads parameters with equal values through
# Identity nodes whose outputs have the parameters' names. Exporters insert Transpose, quantisers DequantizeLinear.
PASS_THROUGH_OPS = frozenset(
    {"Identity", "Transpose", "Cast", "DequantizeLinear", "QuantizeLinear", "Unsqueeze", "Squeeze", "Reshape"}
)


class ParameterUse(NamedTuple):
    """A parameter that a node reads, and the module that owns it."""

    parameter: str
    owner: str


class ParameterUses:
    """The parameters that nodes read, identified by their names. No weight is loaded.

    `restored` maps the names of values that lost their parameter name to that name. `prefixes` are those of the models
    in the file.

    Three kinds of use do not locate a node (`non_local`): reads of a tied weight outside its owner, recognised by
    another operator or input position than the first reader's; reads by a node that another module was folded into; and
    reads through an Identity with a name of its own, by which an exporter stores equal parameters once.
    """

    def __init__(
        self,
        model: Model,
        restored: Mapping[str, str] = MappingProxyType({}),
        prefixes: NamePrefixes | None = None,
    ) -> None:
        self._prefixes = prefixes or NamePrefixes()
        self._first_readers: dict[str, gs.Node] = {}
        self._local: IdentityMap[gs.Node, list[ParameterUse]] = IdentityMap()
        self._non_local: IdentityMap[gs.Node, list[ParameterUse]] = IdentityMap()
        self._owners: dict[str, None] = {}
        self._readers: Counter[str] = Counter()
        self._names: set[tuple[str, str]] = set()
        self._use_by_name: dict[str, ParameterUse | None] = {}
        folded = {name: parameter for name, parameter in folded_values(model).items() if parameter is not None}
        folded |= restored
        # Subgraphs read values of the graphs around them, so all regions share these dictionaries.
        use_by_value: dict[int, ParameterUse] = {}
        first_uses: dict[str, list[_Reader]] = {}
        regions = model.regions()
        functions = {model.function_key(region.graph) for region in regions if region.is_function}
        arguments = _Arguments()
        for region in regions:
            for name, _ in model.initializers(region.graph):
                use = self._use(name)
                if use is not None:
                    self._owners.setdefault(use.owner)
            if region.is_function:
                arguments.bind(region, model.function_key(region.graph), use_by_value)
            for node in region.graph.nodes:
                uses = self._parameters_read(node, use_by_value, folded)
                function = model.call_key(node) if functions else None
                if function in functions:
                    # The body reads them; the call only passes them on.
                    arguments.add_call(function, len(node.inputs), dict(uses))
                    self._add_local(node, [use for _, use in uses])
                elif uses:
                    self._read(node, uses, use_by_value, first_uses, region)

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
        uses: Sequence[tuple[int, ParameterUse]],
        use_by_value: dict[int, ParameterUse],
        first_uses: dict[str, list[_Reader]],
        region: Region,
    ) -> None:
        """Record the parameter uses of a node, each given with the index of the input."""
        is_pass_through = node.op in PASS_THROUGH_OPS
        is_folded = _is_folded(node)
        local: list[ParameterUse] = []
        non_local: list[ParameterUse] = []
        for index, use in uses:
            self._owners.setdefault(use.owner)
            self._readers[use.parameter] += not is_pass_through
            if is_pass_through:
                if index == 0:
                    passed_on = self._pass_through(node, use, use_by_value)
                    (local if passed_on is not None else non_local).append(passed_on or use)
            elif is_folded or not _Reader(node.op, index, region).fits(first_uses.setdefault(use.parameter, [])):
                non_local.append(use)
            else:
                self._first_readers.setdefault(use.parameter, node)
                local.append(use)
        self._add_local(node, local)
        if non_local:
            self._non_local[node] = non_local

    def _add_local(self, node: gs.Node, uses: list[ParameterUse]) -> None:
        for use in uses:
            self._owners.setdefault(use.owner)
        if uses:
            self._local[node] = uses

    def is_first_reader(self, node: gs.Node, use: ParameterUse) -> bool:
        """Whether no node before this one reads the parameter; a later one is another call, or an equal parameter."""
        return self._first_readers.get(use.parameter, node) is node

    def is_read_again(self, use: ParameterUse) -> bool:
        """Whether several nodes read the parameter, other than those that only pass it on."""
        return self._readers[use.parameter] > 1

    def is_named(self, owner: str, parameter: str) -> bool:
        """Whether the file has the name of a parameter, which is given by its module and its name there."""
        return (owner, parameter) in self._names

    def _pass_through(
        self, node: gs.Node, use: ParameterUse, use_by_value: dict[int, ParameterUse]
    ) -> ParameterUse | None:
        """Return the parameter that the output of a node stands for; None if it stands for one of equal value."""
        output = node.outputs[0] if node.outputs else None
        if output is None:
            return use
        output_use = self._use(output.name) if node.op == "Identity" else None
        if output_use is not None:
            self._owners.setdefault(output_use.owner)
        elif node.op == "Identity" and len(node.inputs[0].outputs) > 1:
            return None
        use_by_value[id(output)] = output_use or use
        return output_use or use

    def _parameters_read(
        self, node: gs.Node, use_by_value: Mapping[int, ParameterUse], folded: Mapping[str, str]
    ) -> list[tuple[int, ParameterUse]]:
        """Return the parameter uses among a node's inputs, each with the index of the input."""
        found: list[tuple[int, ParameterUse]] = []
        for index, tensor in enumerate(node.inputs):
            use = use_by_value.get(id(tensor))
            if use is None and isinstance(tensor, gs.Constant):
                use = self._use(folded.get(tensor.name, tensor.name))
            if use is not None:
                found.append((index, use))
        return found

    def _use(self, name: str) -> ParameterUse | None:
        """Return the use of a parameter with this name; None if it is no parameter name."""
        if name not in self._use_by_name:
            self._use_by_name[name] = self._named_use(name)
        return self._use_by_name[name]

    def _named_use(self, name: str) -> ParameterUse | None:
        root, rest = self._prefixes.split(name)
        found = split_parameter(rest)
        if found is None:
            return None
        owner, parameter = found
        scope = f"{root}.{owner}" if root else owner
        self._names.add((scope, parameter))
        return ParameterUse(name, scope)


class _Reader(NamedTuple):
    """A node that reads a parameter: its operator, the index of the input, and its region."""

    op: str
    input_index: int
    region: Region

    def fits(self, first: list[_Reader]) -> bool:
        """Whether a node reads a parameter as the first readers did, which this one joins if it is in another branch.

        One call of a module can take either branch of an If, so both may read its parameters, and in different ways.
        """
        for other in first:
            if not _are_branches(self.region, other.region):
                return (self.op, self.input_index) == (other.op, other.input_index)
        first.append(self)
        return True


def _are_branches(one: Region, other: Region) -> bool:
    """Whether two regions lie in different subgraphs of one node."""
    holders = {id(region.holder): id(region.graph) for region in _enclosing(one)}
    return any(holders.get(id(region.holder), id(region.graph)) != id(region.graph) for region in _enclosing(other))


def _enclosing(region: Region) -> Iterator[Region]:
    """Yield a subgraph and the subgraphs around it."""
    current: Region | None = region
    while current is not None and current.holder is not None:
        yield current
        current = current.parent


class _Arguments:
    """The parameters that the calls of local functions pass to their inputs."""

    def __init__(self) -> None:
        self._by_input: dict[tuple[FunctionKey, int], set[ParameterUse | None]] = {}

    def add_call(self, function: FunctionKey, count: int, uses: Mapping[int, ParameterUse]) -> None:
        """Record the parameters that a call passes, by the index of the input; it has `count` inputs."""
        for index in range(count):
            self._by_input.setdefault((function, index), set()).add(uses.get(index))

    def bind(self, region: Region, function: FunctionKey, use_by_value: dict[int, ParameterUse]) -> None:
        """Let the inputs of a function body stand for the parameters that all calls so far pass to them."""
        for index, tensor in enumerate(region.graph.inputs):
            uses = self._by_input.get((function, index), set())
            if len(uses) == 1:
                (use,) = uses
                if use is not None:
                    use_by_value[id(tensor)] = use


def _is_folded(node: gs.Node) -> bool:
    """Whether onnxscript's optimiser folded a normalisation into a node, which adds an input named `WEIGHT_bias`."""
    names = {tensor.name for tensor in node.inputs if isinstance(tensor, gs.Constant)}
    return len(names) > 1 and any(f"{name}_bias" in names for name in names)


def folded_values(model: Model) -> dict[str, str | None]:
    """Return each folded value with the parameter that it was computed from; None if that is not exactly one."""
    found: dict[str, str | None] = {}
    for region in model.regions():
        for name, metadata in model.value_metadata(region.graph):
            for key, value in metadata:
                if key == FOLDED_FROM:
                    parameters = [folded for folded in read_string_list(value) if parameter_owner(folded) is not None]
                    found[name] = parameters[0] if len(parameters) == 1 else None
    return found

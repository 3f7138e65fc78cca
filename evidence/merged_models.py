"""Several models in one file, told apart by the prefixes of their names.

`onnx.compose.merge_models` puts a prefix in front of every name of a model: nodes, values, initializers, inputs and
outputs. The module names in a prefixed name, or in the metadata of the node, belong to that model alone, so each prefix
is the root of a module tree of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..graph.model import Model, NamedNode
from .exporter_metadata import read_module_stack
from .node_names import is_torchscript_name

_SEPARATORS = "_.:-|/"
# torch.export names a node after its operator: `node_silu_1`.
_EXPORTED = re.compile(r"(?P<prefix>.+?)node_\w")


@dataclass(frozen=True)
class NamePrefixes:
    """The prefixes of the names in a file, the longest first, each with the name of its root module.

    A root is empty if all named nodes have the same prefix: then the file holds one model.
    """

    roots: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, model: Model, names: Sequence[NamedNode]) -> NamePrefixes:
        """Find the prefixes in names: those of a path or of a parameter that other names of the graph share."""
        found = dict.fromkeys(
            prefix
            for node, name, has_metadata in names
            # Most names begin with their path, and have no prefix.
            if name and (has_metadata or not name.startswith("/"))
            for prefix in _candidates(node, name, model)
        )
        if not found:
            return cls()
        named = [found for found in names if found.name]
        shared = [
            *(tensor.name for tensor in (*model.graph.inputs, *model.graph.outputs)),
            *(tensor.name for node, _, _ in named for tensor in node.inputs if isinstance(tensor, gs.Constant)),
        ]
        prefixes = [prefix for prefix in found if any(name.startswith(prefix) for name in shared)]
        if len(prefixes) == 1 and all(name.startswith(prefixes[0]) for _, name, _ in named):
            return cls(((prefixes[0], ""),))
        longest_first = sorted(prefixes, key=len, reverse=True)
        return cls(tuple((prefix, prefix.rstrip(_SEPARATORS) or prefix) for prefix in longest_first))

    def split(self, name: str) -> tuple[str, str]:
        """Return the root of the model that a name belongs to, and the name without the prefix."""
        for prefix, root in self.roots:
            if name.startswith(prefix):
                return root, name[len(prefix) :]
        return "", name


def _candidates(node: gs.Node, name: str, model: Model) -> Iterator[str]:
    """Yield what may be a prefix of a node's name.

    It stands before a path, before the name that torch.export gives a node, or before the module in the name of a
    parameter that the node reads.
    """
    start = name.find("/")
    if start > 0:
        if name.startswith("//", start):
            start += 1
        # Without a separator, only the value tells TorchScript's names from those of other frameworks.
        is_prefix = name[start - 1] in _SEPARATORS or _all_values_start_with(node, f"{name}_output_")
        if is_prefix and is_torchscript_name(name[start:]):
            yield name[:start]
            return
    stack = read_module_stack(model.metadata(node)) if model.has_metadata(node) else None
    if stack is None:
        return
    exported = _EXPORTED.match(name)
    if exported and (exported["prefix"][-1] in _SEPARATORS or _all_values_start_with(node, exported["prefix"])):
        yield exported["prefix"]
    if not stack.scope:
        return
    for tensor in node.inputs:
        if isinstance(tensor, gs.Constant):
            owner, _, _ = tensor.name.rpartition(".")
            prefix = owner.removesuffix(stack.scope)
            if prefix and prefix != owner and name.startswith(prefix):
                yield prefix


def _all_values_start_with(node: gs.Node, prefix: str) -> bool:
    """Whether the names of all values that a node writes start with a prefix."""
    return all(value.name.startswith(prefix) for value in node.outputs)

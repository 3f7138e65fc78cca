"""Convolutions that a normalisation was folded into: exporters disagree on their module.

torch.export says that such a node is the normalisation's, TorchScript that it is the convolution's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..analysis.parameter_folding import Folding
from .named_weights import owners_of_weights
from .operator_families import is_convolution


@dataclass(frozen=True)
class FoldedConvolutions:
    """The convolutions of a reference.

    `module_of` returns the module of a node, and `folding` compares its table with its parameters, if it has a table.
    """

    module_of: Callable[[gs.Node], str]
    folding: Folding | None

    def module_in(self, node: gs.Node, original: gs.Node) -> str | None:
        """Return the module that the exporter of `node` gives it, if that disagrees with the reference's, else None.

        `original` does the same work in the reference. If both have attributes of the same names, one exporter may have
        written both.
        """
        if not (is_convolution(original.op) and node.op == original.op) or set(node.attrs) == set(original.attrs):
            return None
        module, owners = self.module_of(original), owners_of_weights(original)
        if not owners:
            # TorchScript's folded weights have lost their names.
            return None if self.folding is None else self.folding.absorbed.get(module)
        return owners.pop() if len(owners) == 1 and module not in owners else None

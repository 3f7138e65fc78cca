"""Which readers of a parameter may speak for another module: those that a module behind theirs was folded into.

An exporter that folds a normalisation into the convolution before it says that the node is the normalisation's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx_graphsurgeon as gs

from ..tags.module_table import ModuleTable
from ..tags.tag_format import Confidence, Source, Tag
from ..tags.tag_store import TagStore
from .call_order import order_of_calls

# A bias, a scale: what is folded into something is folded into its weight.
_MIN_WEIGHT_RANK = 2
# torch.export writes both, with `auto_pad` at its default; TorchScript writes one. That tells 1,205 convolutions of
# torch.export from 1,419 of TorchScript.
_ATTRIBUTES_OF_TORCH_EXPORT = frozenset({"auto_pad", "pads"})


@dataclass(frozen=True)
class Folding:
    """A module table, and what may have been folded.

    `absorbed` maps a module to the one called right behind it, if the file does not have the parameters of that.
    """

    table: ModuleTable
    absorbed: Mapping[str, str]

    @classmethod
    def of(cls, table: ModuleTable, owners: Collection[str]) -> Folding:
        """Compare a table with the modules that own a parameter which the file still names."""
        calls = order_of_calls(table, owners)
        named = set(owners)
        lost = {call.scope for call in calls if call.has_parameters and call.scope not in named}
        return cls(
            table, {call.scope: following.scope for call, following in pairwise(calls) if following.scope in lost}
        )

    def may_have_changed(self, node: gs.Node, scope: str, parameters: Collection[str]) -> bool:
        """Whether a node that reads these parameters of a module may hold another module as well.

        It reads a weight that the module does not have, or a module is missing right behind.
        """
        own = self.table[scope].extra.get("parameters") if scope in self.table else None
        for tensor in node.inputs:
            if not isinstance(tensor, gs.Constant) or not np.issubdtype(tensor.dtype, np.floating):
                continue
            if len(tensor.shape) >= _MIN_WEIGHT_RANK and scope in self.absorbed:
                return True
            known = tensor.name in parameters and (own is None or tensor.name.rpartition(".")[2] in own)
            if len(tensor.shape) and not known:
                return True
        return False


def folded_convolutions(graph: gs.Graph, tags: TagStore, folding: Folding) -> Iterator[tuple[gs.Node, Tag]]:
    """Yield the convolutions into which torch.export folded a normalisation, each with a tag of that.

    The weight of such a node is no parameter, so its module was inferred, and no node is in the module called behind.
    """
    occupied = {tag.scope for tag in tags.tags_of(graph.nodes) if tag is not None}
    for node in graph.nodes:
        if node.op not in {"Conv", "ConvTranspose"} or not node.attrs.keys() >= _ATTRIBUTES_OF_TORCH_EXPORT:
            continue
        tag = tags.get(node)
        following = None if tag is None or tag.source is not Source.INHERITED else folding.absorbed.get(tag.scope)
        if tag is not None and following is not None and following not in occupied:
            confidence = Confidence.MEDIUM if tag.confidence is Confidence.HIGH else tag.confidence
            yield node, tag._replace(scope=following, confidence=confidence)

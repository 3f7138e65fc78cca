"""The evidence of a run: claims of the file or a reference about the modules of nodes, and the classes of modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..graph.model import Model, NamedNode
from ..identity_map import IdentityMap
from ..tags.scope import is_descendant, parent
from ..tags.tag_format import Source
from .merged_models import NamePrefixes
from .parameter_uses import ParameterUses

NO_ALIASES: Mapping[str, str] = MappingProxyType({})


class Claim(NamedTuple):
    """A piece of evidence that names a module for a node.

    `origin` is the kind of text that was read, such as `node name` or `parameter`, and `text` is the text itself.
    `certain` is False if the text also fits other modules.
    """

    scope: str
    source: Source
    origin: str
    text: str
    certain: bool = True


class Evidence:
    """The evidence that is collected before modules are inferred.

    `claims` are the claims for each node, the strongest first. `classes` maps modules to their classes in the metadata.
    `inferred_containers` are the names between two modules of which one called the other. Most of them are containers,
    such as a ModuleList, which are never called themselves.

    `find_uses` finds the parameters that nodes read. `find_aliases` maps names of weights in the file to their names in
    the reference. Both run when they are first needed.
    """

    def __init__(
        self,
        model: Model,
        find_uses: Callable[[], ParameterUses],
        find_aliases: Callable[[], Mapping[str, str]] = lambda: NO_ALIASES,
    ) -> None:
        self.claims: IdentityMap[gs.Node, list[Claim]] = IdentityMap()
        self.classes: dict[str, str] = {}
        self.inferred_containers: set[str] = set()
        self._stacks: set[tuple[str | None, ...]] = set()
        self._model = model
        self._find_uses = find_uses
        self._find_aliases = find_aliases
        self._prefixes: NamePrefixes | None = None
        self._uses: ParameterUses | None = None
        self._aliases: Mapping[str, str] | None = None

    @property
    def name_prefixes(self) -> NamePrefixes:
        """The prefixes of the models in the file."""
        if self._prefixes is None:
            self._prefixes = NamePrefixes.of(self._model, list(self._model.named_nodes()))
        return self._prefixes

    def find_name_prefixes(self, names: Sequence[NamedNode]) -> None:
        """Find the prefixes in the names of all nodes, which take a while to read and which the caller has."""
        self._prefixes = NamePrefixes.of(self._model, names)

    @property
    def parameter_uses(self) -> ParameterUses:
        """The parameters that nodes read."""
        if self._uses is None:
            self._uses = self._find_uses()
        return self._uses

    def parameter_owners(self) -> list[str]:
        """Return the modules whose parameters the file names."""
        return self.parameter_uses.owners()

    @property
    def weight_aliases(self) -> Mapping[str, str]:
        """The names in the reference of weights that lost their names. Only this property reads weights."""
        if self._aliases is None:
            self._aliases = self._find_aliases()
        return self._aliases

    def forget_graph(self) -> None:
        """Discard prefixes, parameter uses and aliases, so that they are computed again: the graph may have changed."""
        self._prefixes = self._uses = self._aliases = None

    def add(self, node: gs.Node, claim: Claim) -> None:
        """Add a claim for a node, unless it is there already."""
        first = [claim]
        known = self.claims.setdefault(node, first)
        if known is not first and claim not in known:
            known.append(claim)

    def add_stack(self, scopes: Sequence[str], classes: Sequence[str | None] | None = None) -> bool:
        """Add modules that were open together, outermost first. Return False if they are already known."""
        key = (*scopes, *(classes or ()))
        if key in self._stacks:
            return False
        self._stacks.add(key)
        if classes:
            for scope, class_name in zip(scopes, classes, strict=True):
                if class_name:
                    self.classes.setdefault(scope, class_name)
        for outer, inner in pairwise(scopes):
            above = parent(inner)
            while above != outer and is_descendant(above, outer):
                self.inferred_containers.add(above)
                above = parent(above)
        return True

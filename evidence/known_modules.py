"""The names of the modules that a model is known to have, by label."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ..tags.scope import depth, natural_sort_key, parent
from .labels import Labels, is_numbered
from .parameter_names import label


@dataclass(frozen=True, slots=True)
class KnownModules:
    """The names of the known modules, including containers, by label.

    `labels_with_slash` are the labels that contain a slash, which a path splits, by what stands before the first slash.
    `complete` means that there are no other modules (the names come from a module table). `called` tells of modules
    whether they are ever called; it has those of which the table says so.
    """

    names: frozenset[str]
    by_label: Mapping[str, Sequence[str]]
    labels_with_slash: Mapping[str, Sequence[str]]
    complete: bool
    called: Mapping[str, bool]
    _below: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]], repr=False)

    @classmethod
    def of(
        cls, names: Iterable[str], *, complete: bool = False, called: Mapping[str, bool] = MappingProxyType({})
    ) -> KnownModules:
        """Index names and all their ancestors."""
        known: set[str] = set()
        for name in names:
            scope = name
            while scope and scope not in known:
                known.add(scope)
                scope = parent(scope)
        by_label: dict[str, list[str]] = defaultdict(list)
        for name in sorted(known):
            by_label[label(name)].append(name)
        labels_with_slash: dict[str, list[str]] = defaultdict(list)
        for name in by_label:
            start, slash, _ = name.partition("/")
            if slash:
                labels_with_slash[start].append(name)
        return cls(frozenset(known), by_label, labels_with_slash, complete, called)

    def is_direct(self, scope: str, ancestor: str) -> bool | None:
        """Whether a module is below another one and none between them is ever called; None if that is unknown.

        Only then does the upper module call the lower one as its own.
        """
        answer: bool | None = True
        between = parent(scope)
        while between and between != ancestor:
            called = self.called.get(between)
            if called:
                return False
            if called is None:
                answer = None
            between = parent(between)
        return answer

    def rejoin(self, labels: Labels) -> Labels:
        """Return the labels with the parts of each label in `labels_with_slash` joined again."""
        if not self.labels_with_slash:
            return labels
        found: list[str] = []
        index = 0
        while index < len(labels):
            candidates = self.labels_with_slash.get(labels[index], ())
            length = max((_matching_length(name, labels[index:]) for name in candidates), default=0) or 1
            found.append("/".join(labels[index : index + length]))
            index += length
        return tuple(found)

    def below(self, ancestor: str, wanted_label: str) -> list[str]:
        """Return the modules with a label strictly below another module, those with the fewest atoms first."""
        found = self._below.get((ancestor, wanted_label))
        if found is None:
            names = self.by_label.get(wanted_label, ())
            if ancestor:
                # In sorted order the names that start with `ancestor.` are contiguous ("/" is the character after ".").
                names = names[bisect_left(names, ancestor + ".") : bisect_left(names, ancestor + "/")]
            found = list(names)
            if len(found) > 1:
                found.sort(key=lambda name: (depth(name), natural_sort_key(name)))
            self._below[ancestor, wanted_label] = found
        return found


def _matching_length(name: str, labels: Labels) -> int:
    """Return how many labels at the start form this name, with or without numbers after it; 0 if they do not."""
    length = name.count("/") + 1
    start = "/".join(labels[:length])
    return length if start == name or is_numbered(start, name) else 0

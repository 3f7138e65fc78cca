"""The modules around a module, outermost first, as viewers of stacks show them."""

from __future__ import annotations

from collections.abc import Iterator

from ...tags.scope import parent, relative
from ..aggregate import UNMAPPED
from ..profile import Profile


def frames(profile: Profile, scope: str) -> list[str]:
    """Return the labels of the modules from the root to a module, such as `layer.0: BertLayer`."""
    return [_label(profile, part, outer) for part, outer in _outwards(profile, scope)][::-1]


def stacks(profile: Profile) -> Iterator[tuple[list[str], float]]:
    """Yield each module with own time: the labels from the root, and the time as a part of the wall time."""
    for scope, module in profile.modules.items():
        if module.own_us > 0:
            yield frames(profile, scope), module.own_us * profile.scale
    if profile.unmapped.us > 0:
        yield [UNMAPPED], profile.unmapped.us * profile.scale


def _outwards(profile: Profile, scope: str) -> Iterator[tuple[str, str | None]]:
    """Yield a module and those around it in the profile, each with the next one out; containers are left out."""
    while scope:
        outer = parent(scope)
        while outer and outer not in profile.class_names and not profile.modules[outer].own_us:
            outer = parent(outer)
        yield scope, outer
        scope = outer
    yield "", None


def _label(profile: Profile, scope: str, outer: str | None) -> str:
    class_name = profile.class_names.get(scope)
    if outer is None:
        return class_name or "(root)"
    name = relative(scope, outer)
    return name if class_name is None else f"{name}: {class_name}"

"""The module tree of a profile, without the modules that take little time."""

from __future__ import annotations

from ..profiling.profile import Profile
from ..tags.scope import natural_sort_key, parent, relative
from .module_tree import Branch


def time_tree(profile: Profile, min_share: float) -> Branch:
    """Return the tree of the modules with at least a share of the time; `own` and `total` count their calls.

    Containers that never run themselves are not levels of the tree.
    """
    branches = {"": Branch("", "", profile.class_names.get(""), "", 0, 0)}
    for scope in sorted(profile.modules, key=natural_sort_key):
        module = profile.modules[scope]
        is_container = not module.own_us and scope not in profile.class_names
        if not scope or is_container or module.all_us < min_share * profile.profiled_us:
            continue
        outer = parent(scope)
        while outer not in branches:
            outer = parent(outer)
        branch = Branch(scope, relative(scope, outer), profile.class_names.get(scope), "", module.calls, module.calls)
        branches[scope] = branch
        branches[outer].children.append(branch)
    return branches[""]

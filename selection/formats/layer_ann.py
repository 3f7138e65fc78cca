"""onnxruntime's session option `session.layer_assignment_settings`, for a model with `layer_ann` metadata.

The pass `annotate` writes the scope of each node under that key. An entry `=a.b` matches the annotation `a.b`, and an
entry `a.b.` all annotations that begin with it. `a.1` alone would match `a.10`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...errors import UsageError
from ...graph.node_source import NodeT
from ...tags.module_table import ModuleTable
from ...tags.scope import parent
from ..modules import all_modules
from ..selection import Selection

# onnxruntime refuses a longer value: "Config value is longer than maximum length".
_MAX_LENGTH = 8_192
_DEVICE = "CPUExecutionProvider"
_NOT_WRITABLE = re.compile(r"[(),;=\s]")
_GROUPS = "write a short name of a group with `--set annotate.modules='PATTERN=group'` and assign `=group`"


def write(selection: Selection[NodeT]) -> str:
    """Return the value of the option, which assigns the selected modules to the CPU.

    Raises UsageError if the option cannot express the selection or would be too long.
    """
    inside = {instance.scope for instance in selection.instances}
    if "" in inside:
        raise UsageError(f"nodes of the root have no annotation; {_GROUPS}")
    unwritable = next(filter(_NOT_WRITABLE.search, sorted(inside)), None)
    if unwritable is not None:
        raise UsageError(f"the option has no form for the name '{unwritable}'; {_GROUPS}")
    text = f"{_DEVICE}({', '.join(entries(inside, selection.outside))})"
    if len(text) > _MAX_LENGTH:
        raise UsageError(f"the option would have {len(text):,} characters of at most {_MAX_LENGTH:,}; {_GROUPS}")
    return text


def entries(inside: Iterable[str], outside: Iterable[str]) -> Iterator[str]:
    """Yield the entries of the modules `inside`. One prefix covers all modules below another if none is `outside`."""
    divided = set(all_modules(ModuleTable(), map(parent, outside)))
    modules = all_modules(ModuleTable(), inside)
    with_children = set(map(parent, modules))
    covered: set[str] = set()
    for scope in filter(None, modules):
        if parent(scope) in covered:
            covered.add(scope)
            continue
        if scope in inside:
            yield f"={scope}"
        if scope in with_children and scope not in divided:
            covered.add(scope)
            yield f"{scope}."

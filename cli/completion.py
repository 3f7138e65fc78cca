"""Shell completion of pass names, of the options of passes, and of modules."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

import typer

from ..errors import HpassError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..passes.base import Pass


def complete_pass(incomplete: str) -> list[tuple[str, str]]:
    """Return the name and summary of every pass whose name starts with `incomplete`."""
    return [(name, step.summary()) for name, step in _loadable_passes(incomplete)]


def complete_pipeline(incomplete: str) -> list[tuple[str, str]]:
    """Return completions of the last pass name in a pipeline text, each with a summary."""
    before, comma, last = incomplete.rpartition(",")
    found = complete_pass(last)
    if "all".startswith(last):
        found.append(("all", "the six standard passes"))
    return [(f"{before}{comma}{name}", summary) for name, summary in found]


def complete_setting(incomplete: str) -> list[tuple[str, str]]:
    """Return completions of `PASS.OPTION=`, each with the option's help text."""
    return [
        (f"{name}.{option.name}=", option.help)
        for name, step in _loadable_passes(incomplete.partition(".")[0])
        for option in step.options()
        if f"{name}.{option.name}=".startswith(incomplete)
    ]


def complete_pattern(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the modules of the model on the command line that are one level below `incomplete`, with their classes.

    They are those of the module table in the file, because to tag a model takes longer than people wait for the shell.
    """
    from ..api import load
    from ..selection.modules import all_modules
    from ..selection.pattern import Pattern
    from ..tags.module_table import ModuleTable

    sign = incomplete[: len(incomplete) - len(incomplete.lstrip("!="))]
    text = incomplete[len(sign) :]
    try:
        model = load(context.params["source"])
        table = model.stored_modules() or model.exported_modules() or ModuleTable()
    except (HpassError, KeyError):
        return []
    patterns = {scope: str(Pattern.of_module(scope)) for scope in all_modules(table, ())}
    return [
        (sign + pattern, (table[scope].bare_class or "") if scope in table else "")
        for scope, pattern in patterns.items()
        if scope and pattern.startswith(text) and "." not in pattern[len(text) :].removeprefix(".")
    ]


def _loadable_passes(prefix: str) -> Iterator[tuple[str, type[Pass]]]:
    """Yield the passes whose names start with `prefix`, without those that cannot be loaded.

    The output of packages during their import is discarded, because the shell would read it as completions.
    """
    from ..registry import PassRegistry

    registry = PassRegistry()
    for name in registry:
        if name.startswith(prefix):
            with suppress(UsageError):
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    step = registry[name]
                yield name, step

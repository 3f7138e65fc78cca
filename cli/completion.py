"""Shell completion of pass names and of the options of passes."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

from ..errors import UsageError

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
        found.append(("all", "the five standard passes"))
    return [(f"{before}{comma}{name}", summary) for name, summary in found]


def complete_setting(incomplete: str) -> list[tuple[str, str]]:
    """Return completions of `PASS.OPTION=`, each with the option's help text."""
    return [
        (f"{name}.{option.name}=", option.help)
        for name, step in _loadable_passes(incomplete.partition(".")[0])
        for option in step.options()
        if f"{name}.{option.name}=".startswith(incomplete)
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

"""Shell completion of pass names and of the options of passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..passes.base import Pass


def complete_pass(incomplete: str) -> list[tuple[str, str]]:
    """Return the name and summary of every pass whose name starts with `incomplete`."""
    return [(name, step.summary()) for name, step in _registered().items() if name.startswith(incomplete)]


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
        for name, step in _registered().items()
        for option in step.options()
        if f"{name}.{option.name}=".startswith(incomplete)
    ]


def _registered() -> dict[str, type[Pass]]:
    from ..pipeline import registered_passes

    return registered_passes()

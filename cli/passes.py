"""`hpass passes`: list the passes and their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from .shared_options import Json
from .streams import log_error, prints_to_stderr, write_json, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..passes.base import Pass


def passes(*, json: Json = False) -> None:
    """List all passes with a summary and their options.

    A pass that cannot be loaded is reported on standard error.
    """
    known = dict(_loaded_passes())
    if json:
        write_json([_pass_entry(name, step) for name, step in known.items()])
    else:
        write_result(*[line for name, step in known.items() for line in ("", *_pass_lines(name, step))][1:])


def _loaded_passes() -> Iterator[tuple[str, type[Pass]]]:
    from ..registry import PassRegistry

    registry = PassRegistry()
    for name in registry:
        try:
            # Packages may print while they are imported.
            with prints_to_stderr():
                step = registry[name]
        except UsageError as error:
            log_error(str(error))
        else:
            yield name, step


def _pass_entry(name: str, step: type[Pass]) -> dict[str, object]:
    return {
        "name": name,
        "summary": step.summary(),
        "rewrites": step.rewrites,
        "options": [option._asdict() for option in step.options()],
    }


def _pass_lines(name: str, step: type[Pass]) -> list[str]:
    lines = [name, f"  {step.summary()}"]
    if step.rewrites:
        lines.append("  This pass may edit the graph.")
    for option in step.options():
        lines.append(f"  :{option.name}={option.type} (default {option.default})")
        lines.append(f"      {option.help}")
    return lines

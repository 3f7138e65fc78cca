"""`hpass passes`: list the passes and their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shared_options import Json
from .streams import write_json, write_result

if TYPE_CHECKING:
    from ..passes.base import Pass


def passes(*, json: Json = False) -> None:
    """List all passes with a summary and their options."""
    from ..pipeline import registered_passes

    known = registered_passes()
    if json:
        write_json([_pass_entry(name, step) for name, step in known.items()])
    else:
        write_result(*[line for name, step in known.items() for line in ("", *_pass_lines(name, step))][1:])


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

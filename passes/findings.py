"""What a run has to say about a model beyond its tags."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

from ..tags.scope import natural_sort_key
from ..wording import counted


class Severity(StrEnum):
    """`info`: worth knowing; `warning`: the input or the options are off; `error`: the output breaks the contract."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(NamedTuple):
    """One finding; `rule` is a kebab-case word, `node` a position where the finding is about one node."""

    severity: Severity
    rule: str
    message: str
    node: str | None = None


class Findings(list[Finding]):
    """The findings of a run, in order."""

    def add(self, severity: Severity, rule: str, message: str, node: str | None = None) -> None:
        """Add a finding; `node` is a position."""
        self.append(Finding(severity, rule, message, node))


def unknown_modules(scopes: Collection[str]) -> Finding:
    """Return the finding that names in the file tell of modules that the module table does not have."""
    scopes = set(scopes)
    shown = examples([f"'{scope}'" for scope in sorted(scopes, key=natural_sort_key)])
    return Finding(
        Severity.WARNING,
        "unknown-module",
        f"nodes name {counted(len(scopes), 'module')} that the module table lacks ({shown}); is it this model's?",
    )


_EXAMPLES = 3


def examples(items: Sequence[str]) -> str:
    """Return the first few items in one line."""
    return ", ".join(items[:_EXAMPLES]) + (", ..." if len(items) > _EXAMPLES else "")

"""What a run has to say about a model beyond its tags."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


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


_EXAMPLES = 3


def examples(items: Sequence[str]) -> str:
    """Return the first few items in one line."""
    return ", ".join(items[:_EXAMPLES]) + (", ..." if len(items) > _EXAMPLES else "")

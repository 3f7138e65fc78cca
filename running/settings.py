"""The settings of a session: optimisation level, threads, execution providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError, nearest

LEVELS: Mapping[str, str] = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "none": "ORT_DISABLE_ALL",
}
"""The optimisation levels and their names in onnxruntime."""

_PROVIDER_SUFFIX = "ExecutionProvider"


@dataclass(frozen=True)
class ExecutionProvider:
    """An execution provider by its full name, and its options."""

    name: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> ExecutionProvider:
        """Read `NAME[:KEY=VALUE,...]`; the name may lack its ending `ExecutionProvider`. Raises UsageError."""
        name, _, rest = text.partition(":")
        if not name:
            raise UsageError(f"--ep {text}: no name; write NAME or NAME:KEY=VALUE,...")
        options: dict[str, str] = {}
        for item in filter(None, rest.split(",")):
            key, equals, value = item.partition("=")
            if not key or not equals:
                raise UsageError(f"--ep {text}: '{item}' is not KEY=VALUE")
            options[key] = value
        return cls(name if name.endswith(_PROVIDER_SUFFIX) else name + _PROVIDER_SUFFIX, options)


@dataclass(frozen=True)
class SessionSettings:
    """How a session is opened.

    level: a key of `LEVELS`.
    threads: the number of threads inside an operator.
    providers: in order of preference; onnxruntime adds its CPU provider at the end.
    Raises UsageError if a value is wrong.
    """

    level: str = "all"
    threads: int = 1
    providers: tuple[ExecutionProvider, ...] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UsageError(f"no optimisation level '{self.level}'{nearest(self.level, LEVELS)}")
        if self.threads < 1:
            raise UsageError(f"{self.threads} threads: at least 1 is needed")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as the worker process reads them."""
        return {
            "level": LEVELS[self.level],
            "threads": self.threads,
            "providers": [[provider.name, dict(provider.options)] for provider in self.providers],
        }


def parse_dimensions(texts: Iterable[str]) -> dict[str, int]:
    """Read `NAME=SIZE` texts. Raises UsageError if one is wrong or if two contradict each other."""
    sizes: dict[str, int] = {}
    for text in texts:
        name, equals, size = text.rpartition("=")
        if not name or not equals or not size.isdecimal():
            raise UsageError(f"--dim {text}: write NAME=SIZE with a whole number of at least 0")
        if sizes.setdefault(name, int(size)) != int(size):
            raise UsageError(f"--dim {name}={sizes[name]} and --dim {text} contradict each other")
    return sizes

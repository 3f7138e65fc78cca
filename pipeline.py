"""The pipeline: an ordered tuple of passes, its text form, and its observer.

The text form is `scope-parse,aux-inheritance:root=keep,fallback`: the names of passes in order, each with its options
after colons. In values, `,`, `:` and `%` are percent-encoded. `all` stands for the standard passes. Other packages
register passes in the entry-point group `hpass.passes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast
from urllib.parse import quote, unquote

from .errors import UsageError, nearest
from .passes import STANDARD_PASSES
from .passes.base import Pass, PassResult, option_text
from .passes.context import Context
from .registry import PassRegistry

ALL = "all"

Observer = Callable[[Pass | None, Context, Pass | None], bool | None]
"""A function of (previous pass, context, next pass), called before the first pass, between passes and after the last.

The previous pass is None in the first call, the next pass in the last. If it returns True, the run ends.
"""


@dataclass(frozen=True)
class Pipeline:
    """A sequence of passes. `str(pipeline)` is its text form."""

    passes: tuple[Pass, ...]

    @classmethod
    def parse(cls, text: str, registry: Mapping[str, type[Pass]] | None = None) -> Pipeline:
        """Parse the text form of a pipeline. `registry` maps names to passes (None: the registered passes).

        Raises UsageError for an unknown pass (with similar names) or a malformed text (with the position).
        """
        known = PassRegistry() if registry is None else registry
        passes: list[Pass] = []
        position = 0
        for item in text.split(","):
            passes.extend(_parse_item(item, text, position, known))
            position += len(item) + 1
        return cls(tuple(passes))

    def with_option(self, setting: str) -> Pipeline:
        """Return the pipeline with one option set, given as `PASS.OPTION=VALUE`.

        Raises UsageError if the pipeline has no such pass, the pass has no such option, or the value is invalid.
        """
        path, equals, value = setting.partition("=")
        name, dot, option = path.partition(".")
        if not (equals and dot and name and option):
            raise UsageError(f"'{setting}': not a setting; write PASS.OPTION=VALUE")
        if all(step.name != name for step in self.passes):
            raise UsageError(f"'{setting}': no pass '{name}' in the pipeline '{self}'{nearest(name, self._names())}")
        return Pipeline(
            tuple(
                type(step).configured({**step.settings(), option: value}) if step.name == name else step
                for step in self.passes
            )
        )

    def with_options(self, settings: str | Iterable[str] | Mapping[str, object]) -> Pipeline:
        """Return the pipeline with options set.

        `settings` is one `PASS.OPTION=VALUE`, several of them, or a mapping of `PASS.OPTION` to values. Raises
        UsageError as `with_option` does.
        """
        if isinstance(settings, str):
            settings = [settings]
        elif isinstance(settings, Mapping):
            values = cast("Mapping[str, object]", settings)
            settings = [f"{name}={option_text(value)}" for name, value in values.items()]
        pipeline = self
        for setting in settings:
            pipeline = pipeline.with_option(setting)
        return pipeline

    def run(self, context: Context, observer: Observer | None = None) -> list[PassResult]:
        """Run the passes in order and return the result of each. The observer may end the run between two passes."""
        observe = observer or _no_observer
        results: list[PassResult] = []
        for previous, step in pairwise((None, *self.passes)):
            if step is None or observe(previous, context, step):
                return results
            results.append(step.run(context))
        observe(self.passes[-1] if self.passes else None, context, None)
        return results

    def __str__(self) -> str:
        return ",".join(
            ":".join((step.name, *(f"{name}={_quoted(value)}" for name, value in step.settings().items())))
            for step in self.passes
        )

    def _names(self) -> list[str]:
        return [step.name for step in self.passes]


def _parse_item(item: str, text: str, position: int, known: Mapping[str, type[Pass]]) -> list[Pass]:
    name, *options = item.split(":")
    name = name.strip()
    if not name:
        raise _malformed(text, position, "a pass name is missing")
    values: dict[str, str] = {}
    option_position = position + len(item.partition(":")[0])
    for option in options:
        option_position += 1
        key, equals, value = option.partition("=")
        if not (equals and key.strip()):
            raise _malformed(text, option_position, "an option is written NAME=VALUE")
        if key.strip() in values:
            raise _malformed(text, option_position, f"option '{key.strip()}' is given twice")
        values[key.strip()] = unquote(value.strip())
        option_position += len(option)
    if name == ALL:
        if values:
            raise _malformed(text, position, "'all' takes no options; use --set PASS.OPTION=VALUE")
        return [step() for step in STANDARD_PASSES]
    if name not in known:
        raise UsageError(f"no pass '{name}' (at character {position + 1} of '{text}'){nearest(name, [*known, ALL])}")
    return [known[name].configured(values)]


def _quoted(value: str) -> str:
    """Percent-encode the separators of the text form, and spaces, which parsing removes at both ends."""
    return quote(value, safe="!\"#$&'()*+-./;<=>?@[]^_`{|}~")


def _malformed(text: str, position: int, problem: str) -> UsageError:
    return UsageError(f"pipeline '{text}', character {position + 1}: {problem}")


def _no_observer(_previous: Pass | None, _context: Context, _next: Pass | None) -> None:
    """Observe nothing."""

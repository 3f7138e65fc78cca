"""The contract of a pass: what its author writes, and what the base class checks and counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast, final, get_type_hints

from ..errors import HpassError, UsageError
from ..graph.edits import Edits

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_graphsurgeon as gs

    from ..tags.tag_format import Source
    from .context import Context


class Condition(Protocol):
    """A check of what a pass relies on or promises."""

    def __call__(self, context: Context, /) -> str | None:
        """Return None if it holds, else what is wrong, in one line."""


class PassResult(NamedTuple):
    """What one pass did: nodes seen, tags given by source, edits of the graph, and what it left and why."""

    name: str
    nodes: int
    tagged: Mapping[Source, int]
    edits: Edits
    skipped: tuple[tuple[gs.Node, str], ...]

    @property
    def changed(self) -> bool:
        """Whether the pass gave a tag or edited the graph."""
        return bool(self.tagged) or bool(self.edits)


class Option(NamedTuple):
    """One option of a pass, as `hpass passes` lists it."""

    name: str
    type: str
    default: str
    help: str


def option(default: Any, help_text: str) -> Any:
    """Declare an option of a pass: a dataclass field with a default and a line of help."""
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True)
class Pass(ABC):
    """One step of the pipeline. A subclass is a frozen dataclass whose fields are the pass's options.

    `name` is kebab-case. A pass that edits the graph itself says so with `rewrites`; any other may only tag.
    A pass keeps no state between runs.
    """

    name: ClassVar[str]
    rewrites: ClassVar[bool] = False
    requires: ClassVar[tuple[Condition, ...]] = ()
    ensures: ClassVar[tuple[Condition, ...]] = ()

    @abstractmethod
    def apply(self, context: Context) -> None:
        """Do the pass's work on the main graph; subgraphs and function bodies are `context.regions()`."""

    @final
    def run(self, context: Context) -> PassResult:
        """Run the pass and return what it did.

        Raises HpassError where what it requires does not hold, AssertionError where it breaks a promise.
        """
        self._check(self.requires, context, promised=False)
        record = context.begin(self.name, rewrites=self.rewrites)
        before = context.model.edits() if self.rewrites else Edits()
        self.apply(context)
        if self.rewrites:
            context.model.lower_function_constants()
        after = context.model.edits() if self.rewrites else Edits()
        self._check(self.ensures, context, promised=True)
        nodes = sum(len(region.graph.nodes) for region in context.regions())
        return PassResult(self.name, nodes, dict(record.tagged), after - before, tuple(record.skipped))

    def _check(self, conditions: tuple[Condition, ...], context: Context, *, promised: bool) -> None:
        for condition in conditions:
            problem = condition(context)
            if problem is None:
                continue
            if promised:
                raise AssertionError(f"pass {self.name} broke its promise: {problem}")
            raise HpassError(f"pass {self.name} cannot run: {problem}")

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Return the options of the pass, in order."""
        hints = get_type_hints(cls)
        return tuple(
            Option(
                _external(item.name),
                _type_name(hints[item.name]),
                option_text(item.default),
                item.metadata.get("help", ""),
            )
            for item in fields(cls)
        )

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the pass's docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def configured(cls, values: Mapping[str, str]) -> Pass:
        """Return the pass with options given as text. Raises UsageError for an option or a value it does not have."""
        hints = get_type_hints(cls)
        known = {_external(item.name): item.name for item in fields(cls)}
        converted: dict[str, Any] = {}
        for name, text in values.items():
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has no options"
                raise UsageError(f"pass {cls.name} has no option '{name}'; {has}")
            converted[known[name]] = _converted(f"{cls.name}.{name}", text, hints[known[name]])
        return cls(**converted)

    def settings(self) -> dict[str, str]:
        """Return the options that differ from their defaults, as text."""
        return {
            _external(item.name): option_text(getattr(self, item.name))
            for item in fields(self)
            if getattr(self, item.name) != item.default
        }


def _external(name: str) -> str:
    return name.replace("_", "-")


def _type_name(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return {bool: "true|false", int: "integer", float: "number"}.get(cast("type", kind), "text")


def option_text(value: object) -> str:
    """Return the value of an option as it is written in a pipeline."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _converted(name: str, text: str, kind: Any) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError) as error:
        raise UsageError(f"option {name}: '{text}' is not {_type_name(kind)}") from error

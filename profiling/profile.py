"""A profile by module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..notebook import table
from .node_modules import NodeModule
from .node_times import ProfiledNode


@dataclass(frozen=True, slots=True)
class ModuleTime:
    """The time of a module in one run, in microseconds of the profiled run.

    own_us: of the nodes that ran in the module itself; low_us and high_us are the 95% interval of it.
    all_us: of those in its submodules as well; all_low_us and all_high_us are the 95% interval of it.
    share: the part of the time of all nodes that is the module's own.
    calls: how many nodes ran in the module itself, each as often as it ran.
    output_bytes: the size of what these nodes wrote, 0 if the profile does not say.
    all_output_bytes: the same with the nodes in its submodules.
    providers: the execution providers of these nodes, with the time that each took.
    """

    own_us: float
    low_us: float
    high_us: float
    all_us: float
    all_low_us: float
    all_high_us: float
    share: float
    calls: int
    output_bytes: int
    all_output_bytes: int
    providers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class NodeTime:
    """The time of a node in one run, in microseconds of the profiled run, and its module."""

    node: ProfiledNode
    module: NodeModule
    us: float
    calls: int


@dataclass(frozen=True, slots=True)
class TimeGroup:
    """The time of some nodes that have something in common, in microseconds, with its 95% interval."""

    name: str
    us: float
    low_us: float
    high_us: float
    share: float
    nodes: int


@dataclass(frozen=True, slots=True)
class Span:
    """When a node ran in one typical run, in microseconds from the start of the run."""

    node: ProfiledNode
    module: NodeModule
    start_us: float
    end_us: float


@dataclass(frozen=True)
class Profile:
    """Where the time of one run went.

    model: how messages call the model.
    total_us: the wall time of a run without profiling, the median over runs; None for a trace that does not say.
    profiled_wall_us: the same with profiling.
    profiled_us: the sum of the times of all nodes; `modules` and `unmapped` add up to it.
    mapped: the share of `profiled_us` that a module got.
    modules: by scope, those with time of their own or below them.
    class_names: the class of each module by scope, if it is known.
    classes: the own time of all modules of a class together; empty if no class is known.
    layers: by the outermost module in a numbered list, such as `encoder.layer.3`, with all below it.
    operators, providers: by operator and by execution provider.
    nodes: every profiled node, the heaviest first.
    timeline: when the nodes of one typical run ran, in order.
    runs, warmup: the number of runs that were measured, and of runs before them.
    interrupted: whether the measurement was ended early.
    """

    model: str
    total_us: float | None
    profiled_wall_us: float | None
    profiled_us: float
    unmapped: TimeGroup
    modules: Mapping[str, ModuleTime]
    class_names: Mapping[str, str]
    classes: Sequence[TimeGroup]
    layers: Sequence[TimeGroup]
    operators: Sequence[TimeGroup]
    providers: Sequence[TimeGroup]
    nodes: Sequence[NodeTime]
    timeline: Sequence[Span]
    runs: int
    warmup: int
    interrupted: bool = False
    settings: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def mapped(self) -> float:
        """The share of the time of nodes that a module got, between 0 and 1."""
        return 1.0 - self.unmapped.share

    @property
    def scale(self) -> float:
        """What a time of the profile is multiplied with to be a part of `total_us`."""
        return 1.0 if self.total_us is None or not self.profiled_us else self.total_us / self.profiled_us

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row for each module, and one with the scope None for nodes without a module, for a data frame.

        The columns are those of `ModuleTime`, with the scope and the class of the module.
        """
        rows = [
            {
                "scope": scope,
                "class": self.class_names.get(scope),
                **{item.name: getattr(module, item.name) for item in fields(module)},
            }
            for scope, module in self.modules.items()
        ]
        rest = self.unmapped
        unmapped = {"own_us": rest.us, "low_us": rest.low_us, "high_us": rest.high_us, "share": rest.share}
        return [*rows, {"scope": None, "class": None, **unmapped, "calls": rest.nodes}] if rest.us else rows

    def _repr_html_(self) -> str:
        """Return the heaviest modules and classes as HTML, for a notebook."""
        us = self.profiled_us * self.scale
        title = f"{self.model}: {us:,.2f} us, {self.mapped:.2%} of the time of nodes has a module"
        heaviest = sorted(self.modules.items(), key=lambda item: -item[1].own_us)
        modules = [
            (
                scope or "(root)",
                self.class_names.get(scope, ""),
                f"{module.share:.2%}",
                module.own_us * self.scale,
                module.all_us * self.scale,
            )
            for scope, module in heaviest
            if module.own_us
        ]
        if self.unmapped.us:
            modules.append((self.unmapped.name, "", f"{self.unmapped.share:.2%}", self.unmapped.us * self.scale, 0.0))
        classes = [(group.name, f"{group.share:.2%}", group.us * self.scale) for group in self.classes]
        by_class = table("By class", ("class", "share", "own us"), classes) if classes else ""
        return table(title, ("module", "class", "share", "own us", "us with submodules"), modules) + by_class

"""Observers of a pipeline run. Each class does one thing; `observe` combines them.

An observer is called before the first pass, between passes and after the last one (`pipeline.Observer`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, TextIO

from .errors import HpassError, UsageError, nearest
from .escape import for_terminal
from .graph.files.external_data import ExternalDataMode
from .graph.regions import nodes_with_position
from .graph.verify.tag_rules import tag_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import onnx_graphsurgeon as gs

    from .passes.base import Pass
    from .passes.context import Context
    from .pipeline import Observer, Pipeline


def observe(
    pipeline: Pipeline,
    *,
    print_after: Iterable[str] = (),
    dump: Path | None = None,
    stop_after: str | None = None,
    verify: bool = False,
    progress: Callable[[str | None], None] | None = None,
    stream: TextIO | None = None,
) -> Timing:
    """Return one observer that times the passes and does everything that the arguments request.

    The tagged graph is written to `stream` (None: standard error) after each pass in `print_after`. The model is
    written to the folder `dump` after each pass. The run ends after the pass `stop_after`. If `verify` is True, each
    pass is checked (`Verification`). `progress` is called with the name of the next pass, and with None after the last.

    Raises UsageError if the pipeline has no such pass, and HpassError if there is no folder to create `dump` in.
    """
    check_names(pipeline, print_after=print_after, stop_after=stop_after)
    if dump is not None and not dump.parent.is_dir():
        raise HpassError(f"{dump}: cannot be created, because there is no folder {dump.parent}; create that first")
    observers: list[Observer] = []
    if verify:
        observers.append(Verification())
    observers += [PrintAfter(name, stream) for name in dict.fromkeys(print_after)]
    if dump is not None:
        observers.append(Dump(dump))
    if progress is not None:
        observers.append(PassProgress(progress))
    if stop_after is not None:
        observers.append(StopAfter(stop_after))
    return Timing(tuple(observers))


def check_names(pipeline: Pipeline, *, print_after: Iterable[str] = (), stop_after: str | None = None) -> None:
    """Raise UsageError if an observer waits for a pass that never runs."""
    names = [step.name for step in pipeline.passes]
    for option, name in [*(("--print-after", name) for name in print_after), ("--stop-after", stop_after)]:
        if name is not None and name not in names:
            raise UsageError(f"{option}: no pass '{name}' in the pipeline '{pipeline}'{nearest(name, names)}")
    if stop_after is None:
        return
    for name in print_after:
        if names.index(name) > names.index(stop_after):
            raise UsageError(
                f"--print-after {name} and --stop-after {stop_after} contradict each other: "
                f"{name} never runs; remove one"
            )


@dataclass
class Timing:
    """Measures the time of each pass, in seconds, and calls other observers, whose time is not included."""

    observers: tuple[Observer, ...] = ()
    seconds: list[float] = field(default_factory=list[float])
    _started: float = 0.0

    def __call__(self, previous: Pass | None, context: Context, following: Pass | None) -> bool:
        """Call all observers. Return True, which ends the run, if one of them does."""
        if previous is not None:
            self.seconds.append(perf_counter() - self._started)
        stop = [observer(previous, context, following) for observer in self.observers]
        self._started = perf_counter()
        return any(stop)


@dataclass(frozen=True)
class StopAfter:
    """Ends the run after the first pass with a name."""

    name: str

    def __call__(self, previous: Pass | None, _context: Context, _following: Pass | None) -> bool:
        """Return whether the pass has just run."""
        return previous is not None and previous.name == self.name


@dataclass(frozen=True)
class PassProgress:
    """Calls `report` with the name of the next pass, and with None after the last pass."""

    report: Callable[[str | None], None]

    def __call__(self, _previous: Pass | None, _context: Context, following: Pass | None) -> None:
        """Report the next pass."""
        self.report(None if following is None else following.name)


@dataclass(frozen=True)
class PrintAfter:
    """Writes the tagged graph as text after each pass with a name, one line per node."""

    name: str
    stream: TextIO | None = None

    def __call__(self, previous: Pass | None, context: Context, _following: Pass | None) -> None:
        """Print the graph if the pass has just run."""
        if previous is not None and previous.name == self.name:
            stream = self.stream or sys.stderr
            stream.writelines(f"{for_terminal(line)}\n" for line in graph_lines(self.name, context))


def graph_lines(name: str, context: Context) -> Iterable[str]:
    """Yield one line per node: position, operator, node name, scope, served module, source and confidence."""
    yield f"; after {name}"
    for position, node in nodes_with_position(context.regions()):
        tag = context.tags.get(node)
        if tag is None:
            known = "untagged"
        else:
            serves = "" if tag.serves is None else f" serves {tag.serves!r}"
            known = f"{tag.scope!r}{serves} {tag.source} {tag.confidence}"
        yield f"{position} {node.op} {node.name!r} {known}"


@dataclass
class Dump:
    """Writes the tagged model to a folder after each pass (`dump_files`), with links to its external data.

    The folder is created if it does not exist.
    """

    folder: Path
    _count: int = 0

    def __call__(self, previous: Pass | None, context: Context, _following: Pass | None) -> None:
        """Write the current model. Raises HpassError if it or the folder cannot be written."""
        if previous is None:
            return
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise HpassError(f"{self.folder}: cannot be created ({error.strerror})") from error
        self._count += 1
        snapshot = context.model.snapshot(context.tagged_nodes(), context.table.modules)
        snapshot.save(_dump_file(self.folder, self._count, previous.name), ExternalDataMode.LINK)


def dump_files(folder: Path, pipeline: Pipeline, stop_after: str | None = None) -> list[Path]:
    """Return the files that a dump of a pipeline writes, in order: `NN-PASS.onnx` for each pass that runs."""
    names = [step.name for step in pipeline.passes]
    if stop_after in names:
        names = names[: names.index(stop_after) + 1]
    return [_dump_file(folder, number, name) for number, name in enumerate(names, 1)]


def _dump_file(folder: Path, number: int, name: str) -> Path:
    return folder / f"{number:02}-{name}.onnx"


_Snapshot = dict[str, tuple[Any, ...]]


@dataclass
class Verification:
    """Checks after each pass that the graph is unchanged, unless the pass rewrites it, and that tags are well-formed.

    Raises AssertionError, naming the pass, if a check fails, because that is a bug in the pass and not in the model.
    """

    _before: _Snapshot = field(default_factory=_Snapshot)

    def __call__(self, previous: Pass | None, context: Context, _following: Pass | None) -> None:
        """Compare the graph with its state before the pass, and check the tags."""
        now = _snapshot(context)
        if previous is not None:
            if not previous.rewrites:
                changed = next((key for key in {**self._before, **now} if self._before.get(key) != now.get(key)), None)
                if changed is not None:
                    raise AssertionError(f"pass {previous.name} does not rewrite, yet it changed {changed}")
            _check_tags(previous.name, context)
        self._before = now


def _snapshot(context: Context) -> _Snapshot:
    """Return everything that a pass that does not rewrite must not change: nodes, order, edges, inputs and outputs."""
    snapshot: _Snapshot = {}
    for region in context.regions():
        graph = region.graph
        region_name = region.position or "the main graph"
        snapshot[f"the inputs of {region_name}"] = tuple(id(tensor) for tensor in graph.inputs)
        snapshot[f"the outputs of {region_name}"] = tuple(id(tensor) for tensor in graph.outputs)
        snapshot[f"the number of nodes of {region_name}"] = (len(graph.nodes),)
        for index, node in enumerate(graph.nodes):
            snapshot[f"node {region.position_of(index)}"] = _node(node)
    # Attributes and values are only counted. They come last, because the other entries name what changed.
    snapshot["an attribute or a value"] = (context.model.edits(),)
    return snapshot


def _node(node: gs.Node) -> tuple[Any, ...]:
    edges = ((id(tensor), tensor.name) for tensors in (node.inputs, node.outputs) for tensor in tensors)
    return id(node), node.op, node.name, node.domain, len(node.inputs), *edges


def _check_tags(name: str, context: Context) -> None:
    for node, tag in context.tagged_nodes():
        for problem in tag_problems(tag, context.table.modules):
            raise AssertionError(f"pass {name} gave node '{node.name}' a wrong tag: {problem.message}")

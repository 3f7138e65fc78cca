"""Measure where the time of a model goes, by module."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from .api import ModelSource, Run, ensure_tagged, load
from .errors import UsageError
from .graph.files import model_file
from .graph.plain_copy import PlainCopy, plain_copy
from .profiling.aggregate import aggregate
from .profiling.measure import Measurement, measure
from .profiling.node_modules import ModuleLookup, OptimisedNodes
from .profiling.node_times import NodeTimes
from .profiling.profile import Profile
from .profiling.profiled_names import ProfiledNames
from .profiling.traces import is_of_tensorrt, read_trace, with_tensorrt_nodes
from .running.request import request_for
from .running.settings import ExecutionProvider, SessionSettings
from .tags.module_table import ModuleTable

DEFAULT_RUNS = 50


def profile(
    source: ModelSource | Run,
    *,
    runs: int = DEFAULT_RUNS,
    warmup: int | None = None,
    threads: int = 1,
    level: str = "all",
    providers: Iterable[str] = (),
    sizes: Mapping[str, int] | None = None,
    inputs: str | Path | None = None,
    step: Callable[[str], object] = lambda _step: None,
) -> Profile:
    """Run a model in onnxruntime, in a process of its own, and return where the time goes, by module.

    A model without tags is tagged in memory; a Run has its tags. The model is run until the time of a run is stable, or
    `warmup` times, and then `runs` times; all that without profiling and again with it. `threads` work inside an
    operator. `level` is `all`, `extended`, `basic` or `none`. `providers` are execution providers in order of
    preference, each `NAME[:KEY=VALUE,...]`. `inputs` is an .npz file; without one, inputs are made up, with free
    dimensions of the given `sizes` by name. `step` is called with the name of each step. An interruption
    (KeyboardInterrupt) ends the measurement early, and the profile has what was measured.

    Raises UsageError if an argument is wrong, and HpassError if the model cannot be opened or run.
    """
    if runs < 1:
        raise UsageError(f"{runs} runs: at least 1 is needed")
    settings = SessionSettings(level, threads, tuple(map(ExecutionProvider.parse, providers)))
    tagged = _tagged(source)
    plain = _plain(tagged)
    with tempfile.TemporaryDirectory(prefix="hpass-") as scratch:
        request = request_for(
            plain.proto,
            name=tagged.model.name,
            folder=tagged.model.folder,
            scratch=Path(scratch),
            settings=settings,
            inputs=None if inputs is None else Path(inputs),
            sizes=sizes,
        )
        measured = measure(request, runs, warmup, step)
    lookup = ModuleLookup(plain.tags, tagged.modules)
    optimised = (
        OptimisedNodes({}, {}) if measured.optimised is None else lookup.of_optimised(plain.proto, measured.optimised)
    )
    names = ProfiledNames(lookup, plain.proto, optimised, measured.partitions)
    return Profile(
        model=tagged.model.name,
        total_us=median(measured.walls_us) if measured.walls_us else None,
        profiled_wall_us=median(measured.profiled_walls_us),
        warmup=measured.warmup,
        interrupted=measured.interrupted,
        settings=_described(settings, measured),
        **_by_module(measured.times, names, tagged.modules, runs=measured.runs),
    )


def profile_trace(
    source: ModelSource | Run, trace: str | Path, *, optimised: str | Path | None = None, warmup: int = 0
) -> Profile:
    """Read a trace of a model and return where the time went, by module.

    A trace is a profile of onnxruntime, an executable graph of OpenVINO with times, or what `trtexec --exportProfile`
    wrote. `optimised` is what the runtime made of the model: for onnxruntime the model that was saved
    (`SessionOptions.optimized_model_filepath`) when the trace was written, for TensorRT what `trtexec
    --exportLayerInfo` wrote. Without it, what was fused is known by its name alone. The first `warmup` runs of a
    profile of onnxruntime are left out.

    Raises UsageError if an argument does not fit the trace, and HpassError if the model or a file cannot be read.
    """
    times = read_trace(Path(trace), skipped_runs=warmup)
    tagged = _tagged(source)
    plain = _plain(tagged)
    lookup = ModuleLookup(plain.tags, tagged.modules)
    found = OptimisedNodes({}, {})
    if is_of_tensorrt(times):
        times = with_tensorrt_nodes(times, plain.proto, None if optimised is None else Path(optimised))
    elif optimised is not None and times.originals:
        raise UsageError(f"{trace}: says itself what its layers are made of; leave out {optimised}")
    elif optimised is not None:
        found = lookup.of_optimised(plain.proto, model_file.read(optimised).proto)
    return Profile(
        model=tagged.model.name,
        total_us=None,
        profiled_wall_us=None,
        warmup=warmup,
        settings={"trace": str(trace)},
        **_by_module(times, ProfiledNames(lookup, plain.proto, found), tagged.modules, runs=times.summarised_runs),
    )


def _tagged(source: ModelSource | Run) -> Run:
    return source if isinstance(source, Run) else ensure_tagged(load(source))


def _plain(tagged: Run) -> PlainCopy:
    return plain_copy(tagged.model.snapshot(tagged.tags(), tagged.modules).for_runtime())


def _by_module(
    times: NodeTimes, names: ProfiledNames, modules: ModuleTable, *, runs: int | None = None
) -> dict[str, Any]:
    """Return the fields of a profile that come from the times of nodes; `runs` were measured, if not all were kept."""
    found = names.modules_of_originals(times.originals) if times.originals else names.modules_of(times.nodes)
    fields = dict(aggregate(times, found, modules))
    return fields if runs is None else fields | {"runs": runs}


def _described(settings: SessionSettings, measured: Measurement) -> dict[str, object]:
    return {
        "level": settings.level,
        "threads": settings.threads,
        "onnxruntime": measured.version,
        "inputs": dict(measured.inputs),
    }

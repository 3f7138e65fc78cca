"""Extract the modules and the stages of one model, and run them on the values of the whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from hpass.api import ensure_tagged
from hpass.errors import HpassError
from hpass.extraction.extract import ExtractedModule, Extractor
from hpass.extraction.stages import stages
from hpass.graph.verify.runtime_worker import find_inputs

DEPTHS = (1, 2)


@dataclass
class Result:
    """What was measured of one model.

    `pieces` counts the calls of all modules, `identical` those whose outputs are bit-identical, `not_compared` those
    inside subgraphs, whose values cannot be asked for; they were opened by onnxruntime. `refused` and `failed` have the
    module and the reason. `stages` has the number of stages for each depth, `chains` whether they compute the same.
    """

    model: str
    modules: int = 0
    pieces: int = 0
    identical: int = 0
    not_compared: int = 0
    repeated: int = 0
    most_inputs: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    failed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    stages: dict[int, int] = field(default_factory=dict[int, int])
    chains: dict[int, bool] = field(default_factory=dict[int, bool])


def measure(name: str, path: Path) -> Result:
    """Measure one model; inputs are read from `inputs.npz` beside it, or made up."""
    result = Result(name)
    extractor = Extractor(ensure_tagged(path))
    modules = _extract_all(extractor, result)
    values = _values_of_whole(extractor, modules, path.with_name("inputs.npz"))
    for module in modules:
        result.most_inputs = max(result.most_inputs, len(module.piece.inputs))
        result.repeated += module.calls > 1
        _compare(extractor, module, values, result)
    for depth in DEPTHS:
        _run_stages(extractor, depth, values, result)
    return result


def _extract_all(extractor: Extractor, result: Result) -> list[ExtractedModule]:
    found: list[ExtractedModule] = []
    for scope in extractor.modules():
        try:
            first = extractor.extract(scope)
            found += [first, *(extractor.extract(scope, call) for call in range(1, first.calls))]
        except HpassError as error:
            if "no node ran in" not in str(error):
                result.refused.append((scope, str(error)))
                result.pieces += 1
            continue
        result.modules += 1
    result.pieces += len(found)
    return found


def _session(model: onnx.ModelProto, folder: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder.absolute()))
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _values_of_whole(extractor: Extractor, modules: Sequence[ExtractedModule], inputs: Path) -> dict[str, Any]:
    """Run the whole model with all values at borders as outputs, and return them with its inputs."""
    whole = onnx.ModelProto()
    whole.CopyFrom(extractor.run.model.proto)
    known = {value.name for value in (*whole.graph.output, *whole.graph.input)}
    names = {
        name
        for module in modules
        if module.in_main_graph
        for name in (*module.piece.inputs, *module.piece.outputs)
        if name not in known
    }
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names))
    session = _session(whole, extractor.folder)
    if inputs.exists():
        with np.load(inputs) as loaded:
            given = {value.name: loaded[value.name] for value in session.get_inputs()}
        results = session.run(None, given)
    else:
        given, results = find_inputs(session)
    return {**given, **dict(zip([value.name for value in session.get_outputs()], results, strict=True))}


def _compare(extractor: Extractor, module: ExtractedModule, values: Mapping[str, Any], result: Result) -> None:
    name = module.scope if module.calls == 1 else f"{module.scope}, call {module.call}"
    try:
        session = _session(module.model, extractor.folder)
        if not module.in_main_graph:
            result.not_compared += 1
            return
        names = list(module.piece.outputs)
        outputs = session.run(names, {value: values[value] for value in module.piece.inputs})
    except Exception as error:  # noqa: BLE001 - onnxruntime raises many types, and each of them is a result
        result.failed.append((name, " ".join(str(error).split())))
        return
    different = [value for value, output in zip(names, outputs, strict=True) if not _same(output, values[value])]
    if different:
        result.failed.append((name, f"the output '{different[0]}' differs"))
    else:
        result.identical += 1


def _run_stages(extractor: Extractor, depth: int, values: Mapping[str, Any], result: Result) -> None:
    preparation, chain = stages(extractor, depth)
    result.stages[depth] = len(chain)
    # Only the model's inputs are given; everything else comes from earlier stages.
    known = {value.name: values[value.name] for value in extractor.model.graph.input if value.name in values}
    try:
        for stage in chain:
            session = _session(extractor.build(preparation, stage.piece), extractor.folder)
            names = list(stage.piece.outputs)
            outputs = session.run(names, {name: known[name] for name in stage.piece.inputs})
            known.update(zip(names, outputs, strict=True))
    except Exception as error:  # noqa: BLE001 - as above
        result.failed.append((f"stages of depth {depth}", " ".join(str(error).split())))
        result.chains[depth] = False
        return
    result.chains[depth] = all(_same(known[value.name], values[value.name]) for value in extractor.model.graph.output)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())

"""Measure every architecture of the installed transformers, tiny and with random weights.

`python -m benchmarks.architectures.sweep` is a long run, started by hand. Each architecture has its own process and
time limit. The records are kept, so a stopped run can be continued.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from hpass.errors import HpassError
from hpass.exporter import Options
from hpass.exporter.load import load
from hpass.exporter.sample_inputs.input_sources import first_that_runs, sample_inputs
from hpass.exporter.sample_inputs.modalities import omitted_inputs

from .base_models import base_models
from .default_config import fails_with_defaults
from .isolated import Record, one_line, read_record, run_isolated
from .measure import measure, prepare
from .sweep_page import sweep_page, verdict
from .tiny import tiny_configs

ROOT = Path(__file__).parents[2]
MAX_PARAMETERS = 250_000_000
# If a config runs with some of its inputs only, further configs are tried to find one that runs with all of them. They
# have at most this many parameters, and the search takes at most this much processor time, in seconds.
MAX_PARAMETERS_IN_SEARCH = 60_000_000
SEARCH_LIMIT_S = 20
# The maximum number of configs that fail in the export or a later stage. More of them give no new information.
MAX_LATE_FAILURES = 2
OPTIONS = Options(random_weights=True)
# The stages in order. Of several failures, the one in the latest stage is reported.
STAGES = ("config", "package", "model", "inputs", "export", "check")


def try_architecture(kind: str, class_name: str, folder: Path) -> Record:
    """Return the record of the smallest config that can be exported; if there is none, a record with `failure`."""
    try:
        model_class = getattr(transformers, class_name)
        candidates = list(tiny_configs(CONFIG_MAPPING[kind]))
    except Exception as error:  # noqa: BLE001 (missing packages, configs without defaults)
        return {"stage": "config", "failure": one_line(error)}
    failures = [_Failure("config", "no config of the general rule can be made")]
    partial_spec: str | None = None
    for number, config in enumerate(candidates):
        if sum(failure.stage in STAGES[STAGES.index("export") :] for failure in failures) == MAX_LATE_FAILURES:
            break
        if partial_spec is not None and time.process_time() > SEARCH_LIMIT_S:
            break
        max_parameters = MAX_PARAMETERS if partial_spec is None else MAX_PARAMETERS_IN_SEARCH
        match _attempt(model_class, config, class_name, folder / str(number), max_parameters):
            case _Failure() as failure:
                failures.append(failure)
            case str() as model_spec:
                # Another config may run with all of its inputs. If none does, this one is measured.
                partial_spec = partial_spec or model_spec
            case record:
                return record
    if partial_spec is not None:
        match _try_measure(partial_spec, folder):
            case _Failure() as failure:
                failures.append(failure)
            case record:
                return record
    furthest = max(failures, key=lambda failure: STAGES.index(failure.stage))
    record: Record = {"stage": furthest.stage, "failure": furthest.text}
    if furthest.error is not None and furthest.stage in {"model", "inputs"}:
        record["by default"] = fails_with_defaults(model_class, CONFIG_MAPPING[kind], furthest.error)
    return record


@dataclass(frozen=True)
class _Failure:
    """The stage in which a config failed, and the reason."""

    stage: str
    text: str
    error: Exception | None = None


def _attempt(
    model_class: Any, config: Any, class_name: str, folder: Path, max_parameters: int
) -> Record | _Failure | str:
    """Return the record of one config, or the path of its file if the model runs but not with all of its media."""
    try:
        size = _parameter_count(model_class, config)
    except Exception as error:  # noqa: BLE001 (a config that does not suit its model raises any type)
        return _Failure("package" if isinstance(error, ImportError) else "model", one_line(error), error)
    if size > max_parameters:
        return _Failure("model", f"{size / 1e6:.0f} million parameters by the general rule")
    model_spec = _write_config(config, class_name, folder)
    try:
        # Checked first, because the exporters take long to fail for a model that runs with no generated inputs.
        loaded = load(model_spec, OPTIONS)
        inputs = first_that_runs(loaded.model, sample_inputs(loaded))
    except HpassError as error:
        return _Failure("inputs", one_line(error), error)
    return model_spec if omitted_inputs(loaded.model, inputs) else _try_measure(model_spec, folder)


def _try_measure(model_spec: str, folder: Path) -> Record | _Failure:
    try:
        return measure(model_spec, folder, OPTIONS)
    except HpassError as error:
        return _Failure("export", one_line(error), error)
    except Exception as error:  # noqa: BLE001 (errors of onnxruntime and the pipeline are results)
        return _Failure("check", one_line(error), error)


def _parameter_count(model_class: Any, config: Any) -> int:
    with torch.device("meta"):
        model = model_class._from_config(config)  # noqa: SLF001 (a concrete class has no public function)
    return sum(parameter.numel() for parameter in model.parameters())


def _write_config(config: Any, class_name: str, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    config.architectures = [class_name]
    config.save_pretrained(folder)
    return str(folder / "config.json")


def _try_in_folder(kind: str, class_name: str) -> Record:
    with tempfile.TemporaryDirectory() as name:
        record = try_architecture(kind, class_name, Path(name))
    if "failure" in record:
        record["failure"] = record["failure"].replace(name, "")
    return record


def main() -> None:
    """Measure the architectures without a record, and write the page from all records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures.sweep", description=__doc__)
    parser.add_argument(
        "--records",
        type=Path,
        default=ROOT / "build" / "sweep",
        help="folder of the results, which are kept between runs",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "sweep.md")
    parser.add_argument("--limit", type=float, default=60, help="processor time for one architecture, in seconds")
    parser.add_argument("--only", help="comma-separated model types to measure, even if they have a record")
    parser.add_argument("--again", help="measure again the architectures that failed in this stage")
    arguments = parser.parse_args()
    arguments.records.mkdir(parents=True, exist_ok=True)
    prepare()
    base_classes = base_models()
    wanted = arguments.only.split(",") if arguments.only else list(base_classes)
    records: dict[str, Record] = {}
    # Neighbours in the alphabet often belong to one family. In this order a stopped run is a random sample.
    for kind in sorted(base_classes, key=lambda kind: zlib.crc32(kind.encode())):
        file = arguments.records / f"{kind}.json"
        known = read_record(file) if file.exists() else None
        again = known is not None and (bool(arguments.only) or known.get("stage", "") == arguments.again)
        if kind in wanted and (known is None or again):
            begin = time.perf_counter()
            known = run_isolated(partial(_try_in_folder, kind, base_classes[kind]), file, arguments.limit)
            sys.stderr.write(f"{kind}: {verdict(known)[:160]} ({time.perf_counter() - begin:.1f} s)\n")
        if known is not None:
            records[kind] = known
    arguments.out.write_text(sweep_page(records, base_classes), encoding="utf-8")


if __name__ == "__main__":
    main()

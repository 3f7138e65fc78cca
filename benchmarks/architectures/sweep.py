"""Every architecture of the installed transformers, tiny and with random weights.

`python -m benchmarks.architectures.sweep` is a long run by hand. Each architecture has a process and a time limit of
its own; what is measured is kept, so a stopped run goes on where it was.
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

from .apart import Record, in_a_line, measured_apart, read_record
from .base_models import base_models
from .default import fails_by_default
from .measure import measure, prepare
from .sweep_page import sweep_page, verdict
from .tiny import tiny_configs

ROOT = Path(__file__).parents[2]
MOST_PARAMETERS = 250_000_000
# Once a config is known to take some of its inputs, another that takes all is looked for among so large ones, so long
# (seconds of the processor).
MOST_PARAMETERS_AGAIN = 60_000_000
SEARCH = 20
# Configs that are built and fail further on: more of them would not tell more.
TRIES = 2
OPTIONS = Options(random_weights=True)
# Of several failures the one that came furthest is told.
STAGES = ("config", "package", "model", "inputs", "export", "check")


def try_architecture(kind: str, class_name: str, folder: Path) -> Record:
    """Return the record of the smallest config that exports; where none does, `failure` says why and `stage` where."""
    try:
        made = getattr(transformers, class_name)
        candidates = list(tiny_configs(CONFIG_MAPPING[kind]))
    except Exception as error:  # noqa: BLE001 (packages that are missing, configs without defaults)
        return {"stage": "config", "failure": in_a_line(error)}
    failures = [_Failure("config", "no config of the general rule can be made")]
    partial: str | None = None
    for number, config in enumerate(candidates):
        if sum(failure.stage in STAGES[STAGES.index("export") :] for failure in failures) == TRIES:
            break
        if partial is not None and time.process_time() > SEARCH:
            break
        most = MOST_PARAMETERS if partial is None else MOST_PARAMETERS_AGAIN
        match _attempt(made, config, class_name, folder / str(number), most):
            case _Failure() as failure:
                failures.append(failure)
            case str() as reference:
                # Another config may take all of its inputs; the first that takes some is better than none.
                partial = partial or reference
            case record:
                return record
    if partial is not None:
        match _measured(partial, folder):
            case _Failure() as failure:
                failures.append(failure)
            case record:
                return record
    told = max(failures, key=lambda failure: STAGES.index(failure.stage))
    record: Record = {"stage": told.stage, "failure": told.text}
    if told.error is not None and told.stage in {"model", "inputs"}:
        record["by default"] = fails_by_default(made, CONFIG_MAPPING[kind], told.error)
    return record


@dataclass(frozen=True)
class _Failure:
    """Where one config ended, and why."""

    stage: str
    text: str
    error: Exception | None = None


def _attempt(made: Any, config: Any, class_name: str, folder: Path, most: int) -> Record | _Failure | str:
    """Return the record of one config; its file where the model runs, though without an image or a sound it takes."""
    try:
        size = _parameters(made, config)
    except Exception as error:  # noqa: BLE001 (a config that does not suit its model fails in any way it likes)
        return _Failure("package" if isinstance(error, ImportError) else "model", in_a_line(error), error)
    if size > most:
        return _Failure("model", f"{size / 1e6:.0f} million parameters by the general rule")
    reference = _written(config, class_name, folder)
    try:
        # A model that runs with nothing made up for it takes long to be refused by the exporters.
        loaded = load(reference, OPTIONS)
        inputs = first_that_runs(loaded.model, sample_inputs(loaded))
    except HpassError as error:
        return _Failure("inputs", in_a_line(error), error)
    return reference if omitted_inputs(loaded.model, inputs) else _measured(reference, folder)


def _measured(reference: str, folder: Path) -> Record | _Failure:
    try:
        return measure(reference, folder, OPTIONS)
    except HpassError as error:
        return _Failure("export", in_a_line(error), error)
    except Exception as error:  # noqa: BLE001 (onnxruntime's and the pipeline's are results here)
        return _Failure("check", in_a_line(error), error)


def _parameters(made: Any, config: Any) -> int:
    with torch.device("meta"):
        model = made._from_config(config)  # noqa: SLF001 (a concrete class has no other)
    return sum(parameter.numel() for parameter in model.parameters())


def _written(config: Any, class_name: str, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    config.architectures = [class_name]
    config.save_pretrained(folder)
    return str(folder / "config.json")


def _tried(kind: str, class_name: str) -> Record:
    with tempfile.TemporaryDirectory() as name:
        record = try_architecture(kind, class_name, Path(name))
    if "failure" in record:
        record["failure"] = record["failure"].replace(name, "")
    return record


def main() -> None:
    """Try what has no record yet and write the page from all records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures.sweep", description=__doc__)
    parser.add_argument("--records", type=Path, default=ROOT / "build" / "sweep", help="kept between runs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "sweep.md")
    parser.add_argument("--limit", type=float, default=60, help="seconds of the processor for one architecture")
    parser.add_argument("--only", help="comma-separated model types to try (again)")
    parser.add_argument("--again", help="try again what failed at this stage")
    arguments = parser.parse_args()
    arguments.records.mkdir(parents=True, exist_ok=True)
    prepare()
    everything = base_models()
    wanted = arguments.only.split(",") if arguments.only else list(everything)
    records: dict[str, Record] = {}
    # Neighbours in the alphabet are often one family: in this order a stopped run is a fair sample.
    for kind in sorted(everything, key=lambda kind: zlib.crc32(kind.encode())):
        file = arguments.records / f"{kind}.json"
        known = read_record(file) if file.exists() else None
        again = known is not None and (bool(arguments.only) or known.get("stage", "") == arguments.again)
        if kind in wanted and (known is None or again):
            begin = time.perf_counter()
            known = measured_apart(partial(_tried, kind, everything[kind]), file, arguments.limit)
            sys.stderr.write(f"{kind}: {verdict(known)[:160]} ({time.perf_counter() - begin:.1f} s)\n")
        if known is not None:
            records[kind] = known
    arguments.out.write_text(sweep_page(records, everything), encoding="utf-8")


if __name__ == "__main__":
    main()

"""`hpass compare`: the module in which two models part."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..selection.pattern import Pattern
from ..wording import counted
from .exit_codes import DIFFERENT, DONE
from .file_uses import FileUses, model_files
from .shared_options import Dimensions, Json, Level
from .streams import Line, Styled, write_json, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..comparing.comparison import Comparison, ModuleDistance
    from ..comparing.metrics import Distance
    from ..running.settings import SessionSettings

_ALL_TYPES = ""
_NO_LEVEL = "none"
_MAX_NAMES = 5


def compare(
    before: Annotated[
        str, typer.Argument(metavar="A", help="A model, tagged or not; or a PyTorch model, as in `hpass export`.")
    ],
    after: Annotated[Path, typer.Argument(metavar="B", help="What it became: converted, quantised, optimised.")],
    *,
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--inputs", metavar="FILE.npz", help="Inputs, as `hpass inputs` writes them; repeatable."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Number of inputs to make up.")] = 1,
    dims: Dimensions = None,
    thresholds: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            metavar="[TYPE=]DB",
            help="Outputs agree from this signal-to-noise ratio on, in decibels; for models that compute in float32, "
            "float16 or int8, or for all. Repeatable.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Measure every module, and not only those that may be to blame.")
    ] = False,
    suggest: Annotated[
        int,
        typer.Option(
            "--suggest",
            min=0,
            metavar="N",
            help="Look for at most N modules whose exclusion from the conversion makes the outputs better.",
        ),
    ] = 0,
    ignore_weights: Annotated[
        bool, typer.Option("--ignore-weights", help="Do not compare weights by their contents.")
    ] = False,
    a_level: Annotated[Level, typer.Option("--a-level", help="The optimisation level for A.")] = "none",
    b_level: Annotated[Level, typer.Option("--b-level", help="The optimisation level for B.")] = "none",
    a_providers: Annotated[
        list[str] | None,
        typer.Option("--a-ep", metavar="NAME[:KEY=VALUE,...]", help="An execution provider for A; repeatable."),
    ] = None,
    b_providers: Annotated[
        list[str] | None,
        typer.Option("--b-ep", metavar="NAME[:KEY=VALUE,...]", help="An execution provider for B; repeatable."),
    ] = None,
    json: Json = False,
) -> int:
    """Find the module in which two models part.

    Both models run in onnxruntime on the same inputs, which are made up unless --inputs names files.
    If their outputs differ, the modules below the root are compared, then those below the ones that may be
    to blame, and so on. The module is named whose own error stands out from that of its peers.

    Exit status: 0 if the outputs agree, 3 if they differ.
    """
    from ..comparing.json_format import to_json
    from ..running.settings import parse_dimensions

    uses = FileUses()
    paths = inputs or []
    roles = [(path, "A") for path in (model_files(before) if _is_pytorch(before) else [Path(before)])]
    for path, role in (*roles, (after, "B"), *((path, "--inputs") for path in paths)):
        uses.read(path, f"{role} {path}")
    if paths and runs > 1:
        raise UsageError("--runs makes inputs up, and --inputs gives them; leave out one of them")

    settings = _settings(a_level, a_providers), _settings(b_level, b_providers)
    threshold = _thresholds(thresholds or ())
    if _is_pytorch(before):
        if runs > 1 or dims or len(paths) > 1 or a_providers or a_level != _NO_LEVEL or suggest:
            raise UsageError(
                "--runs, --dim, --a-level, --a-ep, --suggest and a second --inputs are for an ONNX model as A"
            )
        found = _compare_recorded(
            before, after, paths[0] if paths else None, threshold, settings[1], everything=everything
        )
    else:
        from ..compare_models import compare as compare_models

        found = compare_models(
            before,
            after,
            inputs=paths,
            runs=runs,
            sizes=parse_dimensions(dims or ()),
            threshold=threshold,
            settings=settings,
            everything=everything,
            weights=not ignore_weights,
            suggest=suggest,
        )
    if json:
        write_json(to_json(found))
    else:
        write_result(*_lines(found, after, paths))
    return DONE if found.agrees else DIFFERENT


def _is_pytorch(text: str) -> bool:
    """Whether an argument names a PyTorch model: FILE.py:FACTORY, a folder, a config.json, or a Hugging Face id."""
    path = Path(text)
    if path.is_file():
        return path.suffix == ".json"
    return path.is_dir() or ".py:" in text or (path.suffix != ".onnx" and text != "-")


def _compare_recorded(
    spec: str,
    after: Path,
    inputs: Path | None,
    threshold: float | dict[str, float] | None,
    setting: SessionSettings,
    *,
    everything: bool,
) -> Comparison:
    import tempfile

    from ..compare_models import compare_recorded
    from ..comparing.values import read_inputs
    from ..exporter import record_values
    from ..tags.module_table import ModuleTable

    with tempfile.TemporaryDirectory(prefix="hpass-") as folder:
        given, recorded = Path(folder) / "given", Path(folder) / "recorded"
        given.mkdir()
        recorded.mkdir()
        recording = record_values(spec, recorded, None if inputs is None else read_inputs(inputs, given))
        return compare_recorded(
            spec,
            recording.calls,
            recording.inputs,
            ModuleTable.from_json(recording.table, spec),
            after,
            threshold=threshold,
            setting=setting,
            everything=everything,
        )


def _thresholds(texts: Sequence[str]) -> float | dict[str, float] | None:
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            ratio = float(number)
        except ValueError:
            ratio = math.nan
        if not math.isfinite(ratio):
            raise UsageError(f"--threshold {text}: give a number of decibels, or TYPE=NUMBER")
        found[name] = ratio
    if _ALL_TYPES in found and len(found) > 1:
        raise UsageError("--threshold: give one number for all types, or a number for each")
    return found.get(_ALL_TYPES, found or None)


def _settings(level: str, providers: Sequence[str] | None) -> SessionSettings:
    from ..running.settings import ExecutionProvider, SessionSettings

    return SessionSettings(level, providers=tuple(ExecutionProvider.parse(text) for text in providers or ()))


def _lines(found: Comparison, after: Path, inputs: Sequence[Path]) -> Iterator[Line]:
    yield f"{found.a} -> {found.b}"
    verdict = "agree" if found.outputs.quality >= found.threshold else "differ"
    yield f"the outputs {verdict}: {_text(found.outputs)} (threshold {found.threshold:g} dB)"
    if found.weights is not None and found.weights.modules:
        yield f"the weights differ in {counted(len(found.weights.modules), 'module')}: {_some(found.weights.modules)}"
    if found.random:
        yield f"not compared, because they draw random numbers: {_some([scope or '(root)' for scope in found.random])}"
    if found.modules:
        if found.first is not None or not found.agrees:
            yield ""
            yield from _verdict(found, after, inputs)
        yield ""
        yield from _table(found)
        if found.unpaired:
            yield ""
            yield f"only in one of the models: {_some(found.unpaired)}"
    if found.exclusions is not None:
        yield ""
        yield from _exclusions(found)
    if found.runs > 1:
        yield ""
        of_inputs = f", with each of {counted(found.inputs, 'input')}" if found.inputs > 1 else ""
        yield f"{counted(found.runs, 'run')} of each model{of_inputs}"


def _verdict(found: Comparison, after: Path, inputs: Sequence[Path]) -> Iterator[Line]:
    if found.first is None:
        yield "no module stands out: the difference grows through the model"
        return
    fault = found.fault
    call = "" if fault is None or fault.call is None else f", call {fault.call}"
    yield Styled(f"first module that goes wrong: {found.first or '(root)'}{call}", "red")
    if fault is not None:
        yield f"  reads {_some(fault.reads) or 'nothing'}"
        yield f"  writes {_some(fault.writes) or 'nothing'}"
        if fault.node is not None:
            node = fault.node
            yield f"  first node that differs: {node.name} ({node.operator}), {_text(node.distance)}"
    if found.first:
        yield f"  to look at it: {_extract_command(found, after, inputs)}"
    others = [scope or "(root)" for scope in found.outliers if scope not in (*found.path, found.first)]
    if others:
        yield f"stand out as well: {_some(others)}"


def _extract_command(found: Comparison, after: Path, inputs: Sequence[Path]) -> str:
    given = str(inputs[0]) if inputs else "inputs.npz"
    command = shlex.join(["hpass", "extract", str(after), str(found.first), "-o", "module.onnx", "--inputs", given])
    if inputs:
        return command
    return f"{shlex.join(['hpass', 'inputs', str(after), '-o', given])} && {command}"


def _table(found: Comparison) -> Iterator[Line]:
    yield Styled(f"{'local':>12}  {'accumulated':>12}  module", dim=True)
    opened = set(found.path)
    for scope, module in found.modules.items():
        yield Styled(_row(scope, module), "red" if scope in opened else None)


def _exclusions(found: Comparison) -> Iterator[Line]:
    if not found.exclusions:
        yield "no module makes the outputs better if it is excluded"
        return
    yield f"without these modules the outputs are better than {_ratio(found.outputs)}:"
    yield Styled(f"{'alone':>12}  {'together':>12}  module", dim=True)
    for item in found.exclusions:
        yield f"{_ratio(item.alone):>12}  {_ratio(item.together):>12}  {item.scope}"
    patterns = [str(Pattern.of_module(item.scope)) for item in found.exclusions]
    yield f"to list their nodes: {shlex.join(['hpass', 'select', found.a, *patterns])} --for FORMAT"


def _row(scope: str, module: ModuleDistance) -> str:
    local, accumulated = (
        "-" if distance is None else _ratio(distance) for distance in (module.local, module.accumulated)
    )
    return f"{local:>12}  {accumulated:>12}  {scope}"


def _ratio(distance: Distance) -> str:
    if distance.is_equal:
        return "equal"
    return "not finite" if math.isinf(distance.quality) and distance.quality < 0 else f"{distance.quality:.1f} dB"


def _text(distance: Distance) -> str:
    if distance.is_equal:
        return "equal"
    counts = [f"{count} {name}" for name, count in (("NaN", distance.nan), ("infinite", distance.inf)) if count]
    if distance.beyond_half and counts:
        counts.append(f"{distance.beyond_half} beyond the range of float16")
    if distance.snr == math.inf:
        # All that is finite in both is equal, if anything is.
        return ", ".join(counts)
    if distance.snr is None:
        return "their shapes differ" if math.isinf(distance.max_abs) else ", ".join(counts) or "they differ"
    return ", ".join([f"{distance.snr:.1f} dB", f"at most {distance.max_abs:.3g} apart", *counts])


def _some(names: Sequence[str]) -> str:
    """Return names in one line, the first of them if there are many."""
    listed = ", ".join(names[:_MAX_NAMES])
    return listed if len(names) <= _MAX_NAMES else f"{listed} and {len(names) - _MAX_NAMES} more"

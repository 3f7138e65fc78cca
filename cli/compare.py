"""`hpass compare`: the module in which two models part."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..reporting.wording import counted
from .exit_codes import DIFFERENT, DONE
from .file_uses import FileUses
from .shared_options import Dimensions, Json, Level
from .streams import Line, Styled, write_json, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..comparing.comparison import Comparison, ModuleDistance
    from ..comparing.metrics import Distance


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="A model, tagged or not.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="What it became: converted, quantised, optimised.")],
    *,
    inputs: Annotated[
        Path | None, typer.Option("--inputs", metavar="FILE.npz", help="The inputs, as `hpass inputs` writes them.")
    ] = None,
    dims: Dimensions = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", metavar="DB", help="Outputs agree from this signal-to-noise ratio on, in decibels."
        ),
    ] = None,
    a_level: Annotated[Level, typer.Option("--a-level", help="The optimisation level for A.")] = "none",
    b_level: Annotated[Level, typer.Option("--b-level", help="The optimisation level for B.")] = "none",
    json: Json = False,
) -> int:
    """Find the module in which two models part.

    Both models run in onnxruntime on the same inputs, which are made up unless --inputs names a file.
    If their outputs differ, the modules below the root are compared, then those below the first that
    stands out, and so on.

    Exit status: 0 if the outputs agree, 3 if they differ.
    """
    from ..comparing.json_format import to_json
    from ..running.settings import parse_dimensions

    if threshold is not None and not math.isfinite(threshold):
        raise UsageError(f"--threshold {threshold}: give a number of decibels")
    uses = FileUses()
    for path, role in ((before, "A"), (after, "B"), (inputs, "--inputs")):
        if path is not None:
            uses.read(path, f"{role} {path}")
    sizes = parse_dimensions(dims or ())

    from ..compare_models import compare as compare_models

    found = compare_models(before, after, inputs=inputs, sizes=sizes, threshold=threshold, levels=(a_level, b_level))
    if json:
        write_json(to_json(found))
    else:
        write_result(*_lines(found))
    return DONE if found.agrees else DIFFERENT


def _lines(found: Comparison) -> Iterator[Line]:
    yield f"{found.a} -> {found.b}"
    verdict = "agree" if found.agrees else "differ"
    yield f"the outputs {verdict}: {_text(found.outputs)} (threshold {found.threshold:g} dB)"
    if found.agrees:
        return
    yield ""
    if found.first is None:
        yield "no module stands out: the difference grows through the model"
    else:
        yield Styled(f"first module that goes wrong: {found.first or '(root)'}", "red")
    yield ""
    yield Styled(f"{'local':>12}  {'accumulated':>12}  module", dim=True)
    opened = set(found.path)
    for scope, module in found.modules.items():
        yield Styled(_row(scope, module), "red" if scope in opened else None)
    if found.unpaired:
        yield ""
        yield f"only in one of the models: {', '.join(found.unpaired)}"
    yield ""
    yield f"{counted(found.runs, 'run')} of each model"


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
    if distance.snr is None:
        return "their shapes differ" if math.isinf(distance.max_abs) else ", ".join(counts) or "they differ"
    return ", ".join([f"{distance.snr:.1f} dB", f"at most {distance.max_abs:.3g} apart", *counts])

"""hpass validate: check a tagged model."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path
from typing import Annotated

import typer

from .exit_codes import DONE, FOUND_ERRORS
from .shared_options import Input, Json
from .streams import printable, write_result
from .summary import Style, finding_lines


def validate(
    source: Input,
    *,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="ORIGINAL", help="Prove that only tags differ from this model."),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Also run onnx.checker on all of it, and onnxruntime with and without tags."),
    ] = False,
    json: Json = False,
) -> int:
    """Check a tagged model, on its own or against its original.

    All nodes have a tag, the tags are well-formed, and the module table gives them.
    """
    from ..passes.findings import Severity
    from ..validate_model import validate as validate_file

    findings = validate_file(source, against, full=full)
    sound = all(finding.severity is not Severity.ERROR for finding in findings)
    if json:
        write_result(json_text.dumps({"ok": sound, "findings": [finding._asdict() for finding in findings]}) + "\n")
    else:
        same = "" if against is None else f", and but for them the same as {printable(str(against))}"
        verdict = f"its tags are sound{same}" if sound else "not sound"
        lines = [f"{printable(str(source))}: {verdict}", *finding_lines(findings, Style.of(sys.stdout)), ""]
        write_result("\n".join(lines))
    return DONE if sound else FOUND_ERRORS

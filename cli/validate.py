"""`hpass validate`: check a tagged model."""

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
        typer.Option("--against", metavar="ORIGINAL", help="Check that only the tags differ from this model."),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Also run onnx.checker on the whole model, and onnxruntime with and without tags."),
    ] = False,
    json: Json = False,
) -> int:
    """Check the tags of a model, alone or against its original.

    The checks: every node has a tag, every tag is well-formed, and every tag agrees with the module table.
    """
    from ..passes.findings import Severity
    from ..validate_model import validate as validate_file

    findings = validate_file(source, against, full=full)
    ok = all(finding.severity is not Severity.ERROR for finding in findings)
    if json:
        write_result(json_text.dumps({"ok": ok, "findings": [finding._asdict() for finding in findings]}) + "\n")
    else:
        equal = "" if against is None else f", and the rest equals {printable(str(against))}"
        verdict = f"the tags are valid{equal}" if ok else "not valid"
        lines = [f"{printable(str(source))}: {verdict}", *finding_lines(findings, Style.of(sys.stdout)), ""]
        write_result("\n".join(lines))
    return DONE if ok else FOUND_ERRORS

"""`hpass validate`: check a tagged model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exit_codes import DONE, FOUND_ERRORS
from .shared_options import Input, Json
from .streams import write_json, write_result
from .summary import finding_lines


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
        write_json({"ok": ok, "findings": [finding._asdict() for finding in findings]})
    else:
        equal = "" if against is None else f", and the rest equals {against}"
        verdict = f"the tags are valid{equal}" if ok else "not valid"
        write_result(f"{source}: {verdict}", *finding_lines(findings))
    return DONE if ok else FOUND_ERRORS

"""Check that the options of `hpass run` do not contradict each other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import UsageError
from .paths import STREAM, same_file

if TYPE_CHECKING:
    from pathlib import Path

_REPORT_SUFFIXES = (".json", ".md")


def check_options(
    sources: list[Path],
    targets: list[Path],
    *,
    jobs: int,
    report: Path | None,
    json: bool,
    modules: Path | None,
    reference: Path | None,
    print_after: list[str] | None,
    dump: Path | None,
) -> None:
    """Raise UsageError, naming the options, if they contradict each other."""
    if json and STREAM in targets:
        raise UsageError("--json and -o - both write to standard output; write the model to a file")
    if STREAM in targets and sys.stdout.isatty():
        raise UsageError("a model cannot be written to a terminal; name a file with -o, or redirect standard output")
    if report is not None and report.suffix not in _REPORT_SUFFIXES:
        raise UsageError(f"--report {report}: unknown format; the name must end in {' or '.join(_REPORT_SUFFIXES)}")
    for option, path in (("--report", report), ("--modules", modules)):
        if path is not None and any(same_file(path, other) for other in (*sources, *targets)):
            raise UsageError(f"{option} {path} is also an input or output model; name another file")
    if report is not None and modules is not None and same_file(report, modules):
        raise UsageError(f"--report {report} would overwrite --modules; name another file")
    if reference is not None and any(same_file(reference, target) for target in targets):
        raise UsageError(f"--reference {reference} would be overwritten; name another output")
    if len(sources) > 1:
        _check_several_inputs(jobs=jobs, report=report, print_after=print_after, dump=dump)


def _check_several_inputs(*, jobs: int, report: Path | None, print_after: list[str] | None, dump: Path | None) -> None:
    if report is not None:
        raise UsageError("--report takes one input; use --json to print the reports of several inputs")
    if dump is not None:
        raise UsageError("--dump takes one input; run hpass once per input")
    if print_after and jobs > 1:
        raise UsageError("--print-after and --jobs contradict each other: the texts would be mixed; remove one")

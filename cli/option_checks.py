"""Options of `hpass run` that contradict each other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import UsageError
from .paths import STREAM, same_file

if TYPE_CHECKING:
    from pathlib import Path

_REPORTS = (".json", ".md")


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
    """Raise UsageError, naming the options, where they contradict each other."""
    if json and STREAM in targets:
        raise UsageError("--json and -o - both want standard output; write the model to a file")
    if STREAM in targets and sys.stdout.isatty():
        raise UsageError("a model is no text for a terminal; name a file with -o, or send standard output elsewhere")
    if report is not None and report.suffix not in _REPORTS:
        raise UsageError(f"--report {report}: the name says the form; end it in {' or '.join(_REPORTS)}")
    for option, path in (("--report", report), ("--modules", modules)):
        if path is not None and any(same_file(path, other) for other in (*sources, *targets)):
            raise UsageError(f"{option} {path} is also a model that is read or written; name another file")
    if report is not None and modules is not None and same_file(report, modules):
        raise UsageError(f"--report {report} would write over --modules; name another file")
    if reference is not None and any(same_file(reference, target) for target in targets):
        raise UsageError(f"--reference {reference} would be written over; name another output")
    if len(sources) > 1:
        _refuse_for_several(jobs=jobs, report=report, print_after=print_after, dump=dump)


def _refuse_for_several(*, jobs: int, report: Path | None, print_after: list[str] | None, dump: Path | None) -> None:
    if report is not None:
        raise UsageError("--report takes one input; with several, --json prints all reports")
    if dump is not None:
        raise UsageError("--dump takes one input; run them apart")
    if print_after and jobs > 1:
        raise UsageError("--print-after and --jobs would mix their texts; leave one out")

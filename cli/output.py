"""Print the outcomes of `hpass run`: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ..escape import for_json
from .file_uses import STREAM
from .streams import log, log_error, write_result, write_summary
from .summary import TableRow, summary, table, table_row, time_table

if TYPE_CHECKING:
    from types import TracebackType

    from .outcome import Outcome
    from .run_options import RunOptions


def print_outcome(outcome: Outcome, options: RunOptions) -> None:
    """Print the summary of one file unless `--json` is given, and the times of its steps if they are requested."""
    tagged = outcome.tagged_file
    if tagged is None:
        return
    if tagged.target == STREAM:
        log(*summary(tagged, sys.stderr, all_findings=options.verbose))
    elif not options.json:
        write_summary(*summary(tagged, sys.stdout, all_findings=options.verbose))
    if options.time_passes:
        log(*time_table(tagged.times))


@dataclass
class BatchPrinter:
    """A context manager that prints the outcomes of several files.

    A JSON list or summaries are printed after each file, a table is printed at the end. Only the rows of the table are
    kept, so that the memory does not grow with the sizes of the models.
    """

    options: RunOptions
    _rows: list[TableRow] = field(default_factory=list[TableRow])
    _separator: str = ""

    def __enter__(self) -> Self:
        # Written before the first file, so that no model is written if standard output cannot be written.
        if self.options.json:
            write_result("[")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        if self.options.json:
            write_result("]")
        elif self._rows:
            write_summary(*table(self._rows))

    def print(self, outcome: Outcome) -> None:
        """Print or store one outcome. Its error is printed as well, with the traceback if the reason is a bug."""
        if outcome.error:
            log(*outcome.traceback.splitlines())
            log_error(outcome.error)
        tagged = outcome.tagged_file
        if self.options.json:
            self._print_entry(outcome)
        elif tagged is not None and self.options.verbose:
            print_outcome(outcome, self.options)
            write_summary("")
        elif tagged is not None:
            self._rows.append(table_row(tagged))
        # If summaries are printed, print_outcome prints the times.
        if tagged is not None and self.options.time_passes and (self.options.json or not self.options.verbose):
            log(tagged.source, *time_table(tagged.times))

    def _print_entry(self, outcome: Outcome) -> None:
        from ..reporting.json_report import error_report

        text = outcome.report or for_json(error_report(str(outcome.source), outcome.error))
        write_result(*self._separator, *text.splitlines())
        self._separator = ","

"""Telling what a run did: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .paths import STREAM
from .streams import log_error, write_result
from .summary import Style, summary, table, time_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .run_job import Outcome


@dataclass(frozen=True)
class Printer:
    """How the outcomes of `hpass run` are told."""

    json: bool = False
    time_passes: bool = False
    verbose: bool = False

    def print_outcome(self, outcome: Outcome) -> None:
        """Tell about one file: its report or its summary."""
        tagged = outcome.tagged
        if tagged is None:
            return
        if self.json:
            write_result(outcome.json)
        elif tagged.target == STREAM:
            sys.stderr.write(summary(tagged, Style.of(sys.stderr), all_findings=self.verbose))
        else:
            write_result(summary(tagged, Style.of(sys.stdout), all_findings=self.verbose))
        if self.time_passes:
            sys.stderr.write(time_table(tagged.times))

    def print_all(self, outcomes: Sequence[Outcome]) -> None:
        """Tell about several files: a list of reports, a table, or all summaries."""
        told = [outcome for outcome in outcomes if outcome.tagged is not None]
        if self.json:
            write_result("[" + ",\n".join(outcome.json for outcome in told) + "]\n")
        elif self.verbose:
            for outcome in told:
                self.print_outcome(outcome)
                write_result("\n")
        elif told:
            write_result(table([outcome.tagged for outcome in told if outcome.tagged], Style.of(sys.stdout)))
        if self.time_passes and not (self.verbose and not self.json):
            for outcome in told:
                if outcome.tagged is not None:
                    sys.stderr.write(f"{outcome.tagged.source}\n{time_table(outcome.tagged.times)}")

    def print_error(self, outcome: Outcome) -> None:
        """Tell why a file was not tagged; a bug keeps its traceback."""
        sys.stderr.write(outcome.trace)
        log_error(outcome.error)

"""Print the outcomes of `hpass run`: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..reporting.escape import for_json
from .paths import STREAM
from .streams import log, log_error, write_result
from .summary import summary, table, time_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .run_job import Outcome


@dataclass(frozen=True)
class Printer:
    """Prints outcomes in the form that the options of `hpass run` select."""

    json: bool = False
    time_passes: bool = False
    verbose: bool = False

    def print_outcome(self, outcome: Outcome) -> None:
        """Print the report or the summary of one file."""
        tagged = outcome.tagged_file
        if tagged is None:
            return
        if self.json:
            write_result(*outcome.json.splitlines())
        elif tagged.target == STREAM:
            log(*summary(tagged, sys.stderr, all_findings=self.verbose))
        else:
            write_result(*summary(tagged, sys.stdout, all_findings=self.verbose))
        if self.time_passes:
            log(*time_table(tagged.times))

    def print_all(self, outcomes: Sequence[Outcome]) -> None:
        """Print several outcomes: a JSON list of reports and errors, a table, or all summaries."""
        done = [outcome for outcome in outcomes if outcome.tagged_file is not None]
        if self.json:
            write_result(*("[" + ",\n".join(_json(outcome) for outcome in outcomes) + "]").splitlines())
        elif self.verbose:
            for outcome in done:
                self.print_outcome(outcome)
                write_result("")
        elif done:
            write_result(*table([outcome.tagged_file for outcome in done if outcome.tagged_file]))
        if self.time_passes and not (self.verbose and not self.json):
            for outcome in done:
                if outcome.tagged_file is not None:
                    log(outcome.tagged_file.source, *time_table(outcome.tagged_file.times))

    def print_error(self, outcome: Outcome) -> None:
        """Print why a file was not tagged, with the traceback if the reason is a bug."""
        log(*outcome.traceback.splitlines())
        log_error(outcome.error)


def _json(outcome: Outcome) -> str:
    from ..reporting.json_report import error_report

    return outcome.json or for_json(error_report(str(outcome.job.source), outcome.error))

"""The options of `hpass run`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..batch.find_inputs import find_inputs, names_several
from ..batch.location import absolute, is_address, is_folder_address, parse_location
from ..batch.remote_listing import check_bucket
from ..batch.task import Task
from ..errors import UsageError
from .completion import complete_pass
from .file_uses import STREAM, FileUses
from .paths import output_locations, parse_output
from .shared_options import ExternalData, InPlace
from .tagging_options import TaggingOptions

if TYPE_CHECKING:
    from ..batch.location import Location
    from ..pipeline import Pipeline
    from ..reporting.minimum_shares import MinimumShare
    from ..tags.module_table import ModuleTable

_REPORT_SUFFIXES = (".json", ".md")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The arguments and options of `hpass run`. Each field becomes one of them.

    Raises UsageError if the options contradict each other, or if a file would be overwritten that is also read or
    written twice.
    """

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN.onnx...",
            help="The models, folders of models, or patterns such as 'models/**/*.onnx'; - is standard input.",
        ),
    ]
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="OUT", help="The output file, or a folder if there are several inputs."),
    ] = None
    tagging: TaggingOptions
    in_place: InPlace = False
    external_data: ExternalData = "copy"
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Number of files to process in parallel.")] = 1
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Process files on the workers of a Dask cluster, such as tcp://scheduler:8786. "
            "The paths of the files must be valid there.",
        ),
    ] = None
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            help="Write a line of JSON for each finished model, and skip those that the file says are done.",
        ),
    ] = None
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write a report: .json or .md.")] = (
        None
    )
    json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON instead of the summary.")] = False
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Print the time that each step took.")] = False
    print_after: Annotated[
        list[str] | None,
        typer.Option(
            "--print-after",
            metavar="PASS",
            autocompletion=complete_pass,
            help="Print the tagged graph to standard error after a pass; repeatable.",
        ),
    ] = None
    dump: Annotated[
        Path | None,
        typer.Option("--dump", metavar="DIR", help="Write the model to a folder after each pass."),
    ] = None
    stop_after: Annotated[
        str | None,
        typer.Option(
            "--stop-after", metavar="PASS", autocompletion=complete_pass, help="Stop after a pass and write the model."
        ),
    ] = None
    verify_between: Annotated[
        bool, typer.Option("--verify-between", help="Check after each pass that it changed only what it may change.")
    ] = False
    verify_runtime: Annotated[
        bool,
        typer.Option("--verify-runtime", help="Compare the outputs of the model with and without tags in onnxruntime."),
    ] = False
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under",
            metavar="MEASURE=PERCENT",
            help="Exit with status 3 if fewer nodes than this are high, medium or better, or no fallback "
            "(high, medium, coverage); repeatable.",
        ),
    ] = None
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Show all findings, and a full summary of each model if there are several."
        ),
    ] = False

    def __post_init__(self) -> None:
        for option, given in (("--manifest", self.manifest), ("--cluster", self.cluster)):
            if given is not None and str(STREAM) in self.sources:
                raise UsageError(f"{option} needs names; write standard input to a file first, or remove {option}")
        if any(task.target == STREAM for task in self.tasks):
            self._check_standard_output()
        if self.report is not None and not self.report.name.endswith(_REPORT_SUFFIXES):
            suffixes = " or ".join(_REPORT_SUFFIXES)
            raise UsageError(f"--report {self.report}: unknown format; the name must end in {suffixes}")
        if self.several:
            self._check_several_inputs()

        from ..observers import check_names

        check_names(self.pipeline, print_after=self.print_after or (), stop_after=self.stop_after)
        _ = self.minimum_shares, self.uses

    @property
    def several(self) -> bool:
        """Whether the inputs may be any number of models."""
        is_batch = self.manifest is not None or self.cluster is not None
        return is_batch or len(self.sources) > 1 or any(map(names_several, self.sources))

    @cached_property
    def tasks(self) -> list[Task]:
        """The location of each model, and where the tagged model is written to, in order."""
        output = None if self.output is None else _parse_output(self.output)
        if output is not None and not isinstance(output, Path):
            check_bucket(output)
        inputs = [found for text in self.sources for found in find_inputs(text, output)]
        several = self.several or (self.output is not None and is_folder_address(self.output))
        targets = output_locations(inputs, output, several=several, in_place=self.in_place)
        tasks = [Task(found.location, target) for found, target in zip(inputs, targets, strict=True)]
        # Workers have other working directories.
        return tasks if self.cluster is None else [Task(absolute(task.source), absolute(task.target)) for task in tasks]

    def for_workers(self) -> RunOptions:
        """Return the options that a worker of a cluster needs for any file."""
        tagging = self.tagging.with_absolute_paths()
        return replace(self, sources=[], output=None, tagging=tagging, jobs=1, cluster=None, manifest=None)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline with the options of its passes."""
        return self.tagging.pipeline(verify_runtime=self.verify_runtime)

    @cached_property
    def minimum_shares(self) -> list[MinimumShare]:
        """The shares of nodes that `--fail-under` asks for."""
        from ..reporting.minimum_shares import MinimumShare

        try:
            return [MinimumShare.parse(text) for text in self.fail_under or ()]
        except UsageError as error:
            raise UsageError(f"--fail-under: {error}") from error

    @cached_property
    def table(self) -> ModuleTable | None:
        """The module table of `--modules` or `--model`; raises as `TaggingOptions.table` does."""
        return self.tagging.table()

    @property
    def settings(self) -> dict[str, object]:
        """What the outputs depend on besides the inputs, as JSON values."""
        from importlib.metadata import version

        from ..batch.version import file_version

        files = {"modules": self.tagging.modules, "reference": self.tagging.reference}
        return {
            "hpass": version("hpass"),
            "passes": str(self.pipeline),
            **{name: None if path is None else [str(path), file_version(path)] for name, path in files.items()},
            "model": self.tagging.model_spec,
            "retag": self.tagging.retag,
            "fail_under": self.fail_under,
        }

    @cached_property
    def uses(self) -> FileUses:
        """The files that the command line names or implies. External data is known when a model is read."""
        uses = FileUses()
        if not self.in_place:
            for source, _ in self.tasks:
                uses.read(source, f"the input {source}")
        self.tagging.add_files(uses)
        for source, target in self.tasks:
            uses.write(target, f"the output of {source}")
        if self.manifest is not None:
            uses.write(self.manifest, f"--manifest {self.manifest}")
        if self.report is not None:
            uses.write(self.report, f"--report {self.report}")
        if self.dump is not None:
            from ..observers import dump_files

            for path in dump_files(self.dump, self.pipeline, self.stop_after):
                uses.write(path, f"--dump {self.dump} ({path.name})")
        return uses

    def uses_of(self, source: Location, target: Location) -> FileUses:
        """Return the uses for one file, to which its external data may be added."""
        uses = self.uses.child()
        if not self.tasks:
            # A worker of a cluster knows no other file.
            if not self.in_place:
                uses.read(source, f"the input {source}")
            uses.write(target, f"the output of {source}")
        return uses

    def _check_standard_output(self) -> None:
        if self.json:
            raise UsageError("--json and -o - both write to standard output; write the model to a file")
        if sys.stdout.isatty():
            raise UsageError("a model cannot be written to a terminal; name a file with -o, or redirect the output")

    def _check_several_inputs(self) -> None:
        if self.report is not None:
            raise UsageError("--report takes one input; use --json to print the reports of several inputs")
        if self.dump is not None:
            raise UsageError("--dump takes one input; run hpass once per input")
        if self.cluster is not None and self.jobs > 1:
            raise UsageError("--cluster and --jobs contradict each other: the cluster has workers; remove one")
        if self.print_after and self.cluster is not None:
            raise UsageError("--print-after prints where the work is done; remove it, or remove --cluster")
        if self.print_after and self.jobs > 1:
            raise UsageError("--print-after and --jobs contradict each other: the texts would be mixed; remove one")


def _parse_output(text: str) -> Location:
    return parse_location(text) if is_address(text) else parse_output(text)

"""Check a tagged model on its own and against its original. No pass runs."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from .api import load
from .errors import HpassError, UsageError
from .graph.files.model_file import StoredModel
from .graph.regions import nodes_with_position
from .graph.strip import stripped
from .graph.verify.equal_values import unify
from .graph.verify.onnx_check import check_fully
from .graph.verify.tag_rules import Problem, Rule, stored_tag_problems
from .outlining.within_rules import within_problems
from .passes.findings import Finding, Severity
from .tags.module_table import ModuleTable
from .tags.tag_format import CALL, FORMAT_VERSION, READABLE_VERSIONS
from .tags.tag_store import Decision, TagStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .api import ModelSource
    from .graph.model import Model


def validate(
    source: ModelSource, against: ModelSource | None = None, *, full: bool = False, seconds: float = 60.0
) -> list[Finding]:
    """Return the findings about a tagged model. The model is valid if no finding has severity `error`.

    Everything except tags, including external data, must equal the model `against` if it is given. If `full` is True,
    onnx.checker checks the whole model, and onnxruntime runs it with and without tags, each for at most `seconds`.

    Raises HpassError if a model cannot be opened, and UsageError if `full` is True and the model is not a file.
    """
    model = load(source)
    original = None if against is None else load(against)
    path = Path(model.name)
    if full and not path.is_file():
        raise UsageError(f"--full needs a file, not {model.name}; write the model to a file first")
    findings = list(_tag_findings(model))
    if full:
        findings += _full_findings(model, original, seconds)
    if original is not None:
        findings += _difference_findings(model, original)
    return findings


def _tag_findings(model: Model) -> Iterator[Finding]:
    if model.stored_version is None:
        yield _error("not-tagged", "hpass has not tagged this model; `hpass run` does")
        return
    if model.stored_version not in READABLE_VERSIONS:
        known = " and ".join(map(repr, READABLE_VERSIONS))
        yield _error("format-version", f"tags of version {model.stored_version!r}; this hpass reads {known}")
        return
    if model.stored_version != FORMAT_VERSION:
        message = f"tags of version {model.stored_version!r}, which have no numbers of calls; `hpass run` adds them"
        yield Finding(Severity.INFO, "format-version", message)
    yield from _problem_findings(model)


def _problem_findings(model: Model) -> Iterator[Finding]:
    table = ModuleTable()
    try:
        table = model.stored_modules() or table
    except HpassError as error:
        yield _error("broken-module-table", str(error))
    problems: defaultdict[Problem, list[str]] = defaultdict(list)
    tags = TagStore()
    for position, node in nodes_with_position(model.regions()):
        tag = model.stored_tag(node)
        if tag is not None:
            tags.decide(node, Decision(tag, "it is in the file", ""))
        for problem in stored_tag_problems(model.stored_entries(node), table):
            problems[problem].append(position)
    for position, problem in (*within_problems(model, tags, table), *_call_problems(model)):
        problems[problem].append(position)
    for problem, positions in problems.items():
        more = f" (and {len(positions) - 1} more nodes)" if len(positions) > 1 else ""
        yield Finding(Severity.ERROR, problem.rule, problem.message + more, positions[0] or None)


def _call_problems(model: Model) -> Iterator[tuple[str, Problem]]:
    for position, node in nodes_with_position(region for region in model.regions() if region.position):
        if model.has_note(node, CALL):
            yield position, Problem(Rule.CALL, f"{CALL} stands outside of the main graph")


def _difference_findings(model: Model, original: Model) -> list[Finding]:
    """Compare two models without their tags: the messages, including unknown fields, and the external data."""
    # Copies, because the models may belong to the caller.
    ours, theirs = (StoredModel(stripped(each.skeleton), each.placeholders) for each in (model, original))
    unify(ours, theirs)
    path = _first_difference(ours.proto, theirs.proto)
    if path is not None:
        return [_error("not-lossless", f"differs from {original.name} at {path}")]
    if model.folder is None or original.folder is None:
        return []
    return [
        _error("external-data", f"external data '{location}' is not that of {original.name}")
        for location in model.locations
        if not filecmp.cmp(model.folder / location, original.folder / location, shallow=False)
    ]


def _first_difference(ours: Message, theirs: Message, path: str = "") -> str | None:
    """Return the path of the first field in which two messages differ; None if they are equal."""
    if _same(ours, theirs):
        return None
    for name in {field.name: None for message in (ours, theirs) for field, _ in message.ListFields()}:
        found = _field_difference(getattr(ours, name), getattr(theirs, name), f"{path}.{name}".lstrip("."))
        if found is not None:
            return found
    return f"{path or 'the model'} (a field that is set in one only, or unknown to this onnx)"


def _field_difference(ours: Any, theirs: Any, path: str) -> str | None:
    if isinstance(ours, Message):
        return _first_difference(ours, theirs, path)
    if isinstance(ours, (str, bytes, int, float)):
        return None if repr(ours) == repr(theirs) else path
    for index, (value, other) in enumerate(zip(ours, theirs, strict=False)):
        found = _field_difference(value, other, f"{path}[{index}]")
        if found is not None:
            return found
    return None if len(ours) == len(theirs) else f"{path} ({len(ours)} against {len(theirs)})"


def _same(ours: Message, theirs: Message) -> bool:
    # A NaN is not equal to itself, so messages that compare as unequal may have equal bytes.
    return ours == theirs or ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


def _full_findings(model: Model, original: Model | None, seconds: float) -> Iterator[Finding]:
    from .passes.comparison import compare_runs  # noqa: PLC0415 - starts a process; only on request

    too_large = [each.name for each in (model, original) if each is not None and each.is_too_large_for_runtimes]
    if too_large:
        message = f"not run, because onnx and onnxruntime read no file of 2 GiB or more ({', '.join(too_large)})"
        yield Finding(Severity.WARNING, "onnx-checker", f"onnx.checker: {message}")
        return
    problem = check_fully(Path(model.name), seconds)
    if problem is not None:
        # A problem that the original also has is not caused by the tags.
        excused = original is None or check_fully(Path(original.name), seconds) is not None
        severity = Severity.WARNING if excused else Severity.ERROR
        yield Finding(severity, "onnx-checker", f"onnx.checker: {problem}")
    reference = stripped(model.for_runtime()) if original is None else Path(original.name)
    yield compare_runs(reference, Path(model.name), model.folder, seconds)


def _error(rule: str, message: str) -> Finding:
    return Finding(Severity.ERROR, rule, message)

"""Checks of a tagged model, and of what is odd about it."""

from __future__ import annotations

from collections import Counter
from itertools import chain

from ..analysis.convexity import nonconvex_modules
from ..graph.verify.onnx_check import check_structure
from ..graph.verify.tag_rules import Rule, tag_problems
from ..outlining.within_rules import within_problems
from ..tags.scope import is_descendant, natural_sort_key
from ..tags.tag_format import Confidence, Source
from ..wording import counted
from .context import Context
from .findings import Severity, examples

_MAX_REPORTED_PROBLEMS = 10


def check_tags(context: Context) -> None:
    """Report nodes without a tag, tags that break a rule, and edits of the graph."""
    _check_coverage(context)
    _check_rules(context)
    _check_topology(context)


def check_input(context: Context) -> None:
    """Report what onnx.checker finds in the structure of the model, without its weights."""
    problem = check_structure(context.model.skeleton, context.model.placeholders)
    if problem is not None:
        context.findings.add(Severity.WARNING, "onnx-checker", f"the input fails onnx.checker: {problem}")


def find_oddities(context: Context) -> None:
    """Report what is only worth knowing of a model, and that little is known of it."""
    _find_little_known(context)
    _find_foreign_parameters(context)
    _find_nonconvex_modules(context)


def _check_coverage(context: Context) -> None:
    for region in context.regions():
        decisions = context.tags.decisions(region.graph.nodes)
        missing = [index for index, decision in enumerate(decisions) if decision is None]
        if missing:
            where = f"{region.position}: " if region.position else ""
            context.findings.add(
                Severity.ERROR,
                Rule.HAS_TAG,
                f"{where}{len(missing):,} of {counted(len(region.graph.nodes), 'node')} without a tag",
                region.position_of(missing[0]),
            )


def _check_rules(context: Context) -> None:
    modules = context.table.modules
    broken = [tag for tag in context.distinct_tags() if any(tag_problems(tag, modules))]
    broken.sort(key=lambda tag: natural_sort_key(tag.scope))
    problems = dict.fromkeys(problem for tag in broken for problem in tag_problems(tag, modules))
    if context.graph.functions:
        problems |= dict.fromkeys(problem for _, problem in within_problems(context.model, context.tags, modules))
    for problem in list(problems)[:_MAX_REPORTED_PROBLEMS]:
        context.findings.add(Severity.ERROR, problem.rule, problem.message)


def _check_topology(context: Context) -> None:
    edits = context.model.edits()
    context.graph_unchanged = not edits
    if not edits:
        return
    if context.rewritten:
        context.findings.add(Severity.INFO, "rewritten", f"passes rewrote the graph; nodes: {edits}")
    else:
        context.findings.add(Severity.ERROR, "topology", f"a pass that may only tag changed the graph; nodes: {edits}")


def _find_little_known(context: Context) -> None:
    """Report a model of which little or nothing is known: that all its nodes are at the root is no result.

    If the reference is another model, that is reported already.
    """
    if context.reference_differs:
        return
    counts = Counter((tag.source, tag.confidence) for _, tag in context.tagged_nodes())
    if {source for source, _ in counts} == {Source.FALLBACK}:
        context.findings.add(
            Severity.WARNING,
            "nothing-named",
            f"nothing that this run looked at says where a node belongs; {_what_would_help(context)}",
        )
        return
    low = sum(count for (_, confidence), count in counts.items() if confidence is Confidence.LOW)
    if 2 * low > counts.total():
        context.findings.add(
            Severity.WARNING,
            "mostly-low",
            f"{low:,} of {counted(counts.total(), 'node')} with a tag of confidence low; {_what_would_help(context)}",
        )


def _what_would_help(context: Context) -> str:
    """Return what the user could give and did not; if nothing, what to check."""
    helpful: list[str] = []
    if context.reference is None:
        helpful.append("--reference with a tagged model, the original export or a checkpoint of its weights")
    if context.table.declared is None:
        helpful.append("--modules or --model")
    if not helpful:
        return "are the module table and the reference this model's?"
    return f"more would be known with {', or with '.join(helpful)}"


def _find_foreign_parameters(context: Context) -> None:
    """Report parameters that a node outside their owner reads: tied weights, folding, weights handed to a function."""
    found: list[str] = []
    for node, readings in chain(context.evidence.parameter_uses.items(), context.evidence.parameter_uses.non_local()):
        tag = context.tags.get(node)
        if tag is None or tag.source is Source.FALLBACK:
            continue
        found += [
            f"'{reading.parameter}' is read in '{tag.scope}'"
            for reading in readings
            if reading.owner in context.table.modules
            and not (is_descendant(tag.scope, reading.owner) or is_descendant(reading.owner, tag.scope))
        ]
    if found:
        context.findings.add(
            Severity.INFO,
            "foreign-parameter",
            f"{counted(len(found), 'parameter')} read outside the module that owns it: {examples(found)}",
        )


def _find_nonconvex_modules(context: Context) -> None:
    found = [f"'{scope}'" for scope in nonconvex_modules(context.graph, context.tags, context.table.modules)]
    if found:
        those = counted(len(found), "module is", "modules are")
        context.findings.add(
            Severity.INFO, "not-convex", f"{those} not convex (a path leaves and comes back): {examples(found)}"
        )


def compare_with_input(context: Context) -> None:
    """Report whether the model computes what the input does, by onnxruntime's word."""
    from .comparison import compare_runs  # starts a process; only on request

    model = context.model
    original = model.untagged()
    model.apply(context.tagged_nodes(), context.table.modules)
    context.findings.append(compare_runs(original, model.for_runtime(), model.folder))

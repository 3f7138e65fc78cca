"""validation: what it finds, how severe it is, and what it leaves alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import ClassVar

import pytest
from text_models import model, run_pass, stack, table

import hpass
from hpass import Context, Model, Pass, Pipeline, Source, Tag
from hpass.passes.validation import Validation

CHAIN = '["m"] v = Relu(x) ["n"] y = Relu(v)'
INFO, WARNING, ERROR = hpass.Severity


def found(source: object, passes: str | Pipeline = "all", **options: object) -> dict[str, tuple[str, str]]:
    """Return severity and message of each finding of a run, by its rule."""
    run = hpass.run(source, passes, **options)  # type: ignore[arg-type]
    return {finding.rule: (finding.severity, finding.message) for finding in run.findings}


@dataclass(frozen=True)
class Meddle(Pass):
    """Change the graph without the right to."""

    name: ClassVar[str] = "meddle"

    def apply(self, context: Context) -> None:
        context.graph.nodes[0].op = "Abs"


@dataclass(frozen=True)
class Rewrite(Meddle):
    """Change the graph with the right to."""

    name: ClassVar[str] = "rewrite"
    rewrites: ClassVar[bool] = True


@dataclass(frozen=True)
class Doubt(Pass):
    """Tag the first nodes with confidence low."""

    name: ClassVar[str] = "doubt"
    count: int = 2

    def apply(self, context: Context) -> None:
        for node in context.graph.nodes[: self.count]:
            context.set_tag(node, Tag("a", Source.INHERITED, hpass.Confidence.LOW), "a guess")


def with_pass(extra: Pass) -> Pipeline:
    return Pipeline((extra, *Pipeline.parse("all").passes))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(model(CHAIN, metadata={"m": stack("a"), "n": stack("a")}), id="one module"),
        pytest.param(model(CHAIN, metadata={"m": stack("a"), "n": stack("b")}), id="two modules"),
        pytest.param(
            model(
                '["m"] v = MatMul(x, "a.weight") ["n"] y = MatMul(v, "a.weight")',
                metadata={"m": stack("a"), "n": stack("a")},
                parameters=["a.weight"],
            ),
            id="a module called twice in a row",
        ),
        pytest.param(
            model('["n"] y = MatMul(x, "a.inner.weight")', metadata={"n": stack("a")}, parameters=["a.inner.weight"]),
            id="a parameter of a module inside",
        ),
    ],
)
def test_a_sound_model_has_no_finding(source: object) -> None:
    assert found(source) == {}


def test_nodes_without_a_tag_are_an_error_at_their_position() -> None:
    context = run_pass(Validation(), model(CHAIN), tags={"m": Tag("", Source.NAME)})

    coverage = context.findings[0]
    assert (coverage.severity, coverage.rule, coverage.node) == (ERROR, "coverage", "#1")
    assert coverage.message == "1 of 2 nodes without a tag"


def test_nodes_without_a_tag_are_found_in_subgraphs() -> None:
    source = model(
        '["if"] y = If(x) <then_branch = t () => (float[1] u) { ["then"] u = Neg(x) },'
        ' else_branch = e () => (float[1] v) { ["else"] v = Abs(x) }>'
    )

    context = run_pass(Validation(), source, tags=dict.fromkeys(("if", "then"), Tag("", Source.NAME)))

    errors = [finding for finding in context.findings if finding.rule == "coverage"]
    assert [finding.node for finding in errors] == ["#0/else_branch#0"]
    assert errors[0].message == "#0/else_branch: 1 of 1 node without a tag"


@dataclass(frozen=True)
class Forget(Pass):
    """Tag every node and take the modules out of the table."""

    name: ClassVar[str] = "forget"
    tags: tuple[Tag, ...] = (Tag("", Source.NAME),)

    def apply(self, context: Context) -> None:
        for node, tag in zip(context.graph.nodes, cycle(self.tags), strict=False):
            context.set_tag(node, tag, "just so")
        context.table.modules.modules.clear()


@pytest.mark.parametrize(
    ("tag", "missing"),
    [
        (Tag("a", Source.NAME), ["module 'a'"]),
        (Tag("b", Source.INHERITED, serves="a"), ["module 'b'", "module 'a'"]),
        (Tag("", Source.INHERITED), ["the root"]),
    ],
)
def test_a_module_outside_the_table_is_an_error(tag: Tag, missing: list[str]) -> None:
    run = hpass.run(model(CHAIN), Pipeline((Forget((tag,)), Validation(checker=False))))
    errors = [(finding.rule, finding.message) for finding in run.findings if finding.severity is ERROR]

    assert errors == [("tag-not-in-table", f"{module} is not in the module table") for module in missing]


def test_modules_outside_the_table_are_told_in_natural_order() -> None:
    lost = Forget((Tag("a.10", Source.NAME), Tag("a.2", Source.NAME)))

    findings = hpass.run(model(CHAIN), Pipeline((lost, Validation(checker=False)))).findings

    assert [finding.message.split()[1] for finding in findings] == ["'a.2'", "'a.10'"]


def test_a_model_of_which_nothing_is_known_is_a_warning_that_says_what_would_help() -> None:
    severity, message = found(model(CHAIN))["nothing-named"]

    assert severity is WARNING
    assert "--reference" in message


def test_a_model_whose_nodes_are_mostly_low_is_a_warning_that_says_what_would_help() -> None:
    source = model(CHAIN, metadata={"m": stack("a")})

    severity, message = found(source, with_pass(Doubt()))["mostly-low"]

    assert severity is WARNING
    assert message == (
        "2 of 2 nodes with a tag of confidence low; more would be known with "
        "--reference with a tagged model, the original export or a checkpoint of its weights, "
        "or with --modules or --model"
    )


def test_what_was_given_already_is_no_advice() -> None:
    source = model(CHAIN, metadata={"m": stack("a")})

    _, message = found(source, with_pass(Doubt()), modules=table({"": "M", "a": "A"}))["mostly-low"]

    assert "--modules" not in message
    assert "--reference" in message


def test_half_of_the_nodes_low_is_no_warning() -> None:
    source = model(CHAIN, metadata={"m": stack("a"), "n": stack("a")})

    assert "mostly-low" not in found(source, with_pass(Doubt(count=1)))


def test_the_hint_does_not_speak_for_passes_that_did_not_run() -> None:
    _, message = found(model(CHAIN, metadata={"m": stack("a")}), "fallback,validation")["nothing-named"]

    assert message.startswith("nothing that this run looked at")


def test_a_tied_weight_is_worth_knowing() -> None:
    source = model(
        '["m"] v = Gather("a.weight", x) ["n"] y = MatMul(v, "a.weight")',
        metadata={"m": stack("a"), "n": stack("b")},
        parameters=["a.weight"],
    )

    assert found(source) == {
        "foreign-parameter": (INFO, "1 parameter read outside the module that owns it: 'a.weight' is read in 'b'")
    }


def test_a_weight_folded_into_another_module_is_worth_knowing() -> None:
    source = model(
        '["c"] v = Conv(x, "a.conv.weight") ["n"] y = BatchNormalization(v, "a.norm.weight")',
        metadata={"c": stack("a", "a.conv"), "n": stack("a", "a.conv")},
        parameters=["a.conv.weight", "a.norm.weight"],
    )

    modules = table({"": "M", "a": "A", "a.conv": "Conv", "a.norm": "Norm"})

    assert found(source, modules=modules)["foreign-parameter"][0] == INFO


def test_a_module_that_the_data_leaves_and_comes_back_to_is_worth_knowing() -> None:
    source = model(
        '["a1"] u = Relu(x) ["b"] v = Abs(u) ["a2"] y = Neg(v)',
        metadata={"a1": stack("a"), "b": stack("b"), "a2": stack("a")},
    )

    severity, message = found(source)["not-convex"]
    assert severity == INFO
    assert message == "1 module is not convex (a path leaves and comes back): 'a'"


def test_a_module_beside_another_is_convex_in_any_order() -> None:
    source = model(
        '["a1"] u = Relu(x) ["b"] v = Abs(x) ["a2"] w = Neg(u) ["c"] y = Add(v, w)',
        metadata={"a1": stack("a"), "b": stack("b"), "a2": stack("a"), "c": stack()},
    )

    assert found(source) == {}


def test_a_module_that_the_table_lacks_is_a_warning() -> None:
    source = model('["n"] y = Relu(x)', metadata={"n": stack("z")})

    assert found(source, modules=table({"": "M", "a": "A"}))["unknown-module"][0] == WARNING


def test_a_module_that_the_table_lacks_counts_once_however_many_labels_lead_to_it() -> None:
    source = model(
        '["/b/Abs"] u = Abs(x) ["/b/z/Relu"] v = Relu(u) ["/b_1/Abs"] w = Abs(v) ["/b_1/z/Relu"] y = Relu(w)'
    )

    _, message = found(source, modules=table({"": "M", "b": "B"}))["unknown-module"]

    assert message.startswith("nodes name 1 module that the module table lacks ('b.z');")


def test_a_broken_table_in_the_file_is_a_warning() -> None:
    source = model('["n"] y = Relu(x)', properties={"module_table": "[]"})

    severity, message = found(source)["broken-module-table"]
    assert severity == WARNING
    assert message.endswith("it is not used")


def test_what_onnx_s_checker_finds_in_the_input_is_a_warning() -> None:
    source = model('["n"] y = Relu(nowhere)')

    severity, message = found(source)["onnx-checker"]
    assert severity == WARNING
    assert "nowhere" in message
    assert "onnx-checker" not in found(source, "all", settings=["validation.checker=false"])


def test_a_pass_that_may_only_tag_and_changes_the_graph_is_an_error() -> None:
    severity, message = found(model(CHAIN), with_pass(Meddle()))["topology"]

    assert severity == ERROR
    assert "1 changed" in message


@pytest.mark.parametrize("passes", [(Meddle(),), (Meddle(), Validation()), (Meddle(), Validation(runtime=True))])
def test_what_a_pass_that_may_only_tag_has_changed_is_not_written(passes: tuple[Pass, ...], tmp_path: Path) -> None:
    run = hpass.run(model(CHAIN), Pipeline(passes))

    with pytest.raises(AssertionError, match="a pass that may only tag changed the graph; nodes: 1 changed"):
        run.save(tmp_path / "out.onnx")

    assert list(tmp_path.iterdir()) == []


def test_a_model_that_was_rewritten_before_is_tagged_again() -> None:
    opened = Model.open(model(CHAIN))
    hpass.run(opened, Pipeline((Rewrite(),))).apply()

    hpass.run(opened, "fallback").apply()


def test_a_pass_that_rewrites_is_worth_knowing() -> None:
    findings = found(model(CHAIN), with_pass(Rewrite()))

    assert "topology" not in findings
    assert findings["rewritten"][0] == INFO


def test_on_request_onnxruntime_compares_the_outputs() -> None:
    severity, message = found(model(CHAIN), settings=["validation.runtime=true"])["runtime"]

    assert severity == INFO
    assert "identical" in message


def test_validation_neither_tags_nor_changes() -> None:
    context = run_pass(Validation(), model(CHAIN))

    assert list(context.tagged_nodes()) == []
    assert not context.model.edits()


@pytest.mark.parametrize("passes", [(), (Rewrite(), Validation()), (Validation(), Rewrite())])
def test_a_graph_that_may_have_edits_is_not_vouched_for(passes: tuple[Pass, ...]) -> None:
    assert hpass.run(model(CHAIN), Pipeline((Validation(),))).context.graph_unchanged
    assert not hpass.run(model(CHAIN), Pipeline(passes)).context.graph_unchanged

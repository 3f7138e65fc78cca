"""Profiles of real models in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from text_models import model

import hpass
from benchmarks.profiling.oracle import expected_modules
from hpass import HpassError, Profile, UsageError
from hpass.api import ensure_tagged
from hpass.graph.plain_copy import plain_copy
from hpass.profiling.node_modules import ModuleLookup
from hpass.tags.tag_format import Source

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.onnx"))
# Their bodies, which the oracle does not look into, are most of them.
WITH_BODIES = {"control_flow", "control_flow_names", "control_flow_torchscript"}


@pytest.mark.parametrize("name", NAMES)
def test_the_time_of_a_fixture_is_mapped_and_adds_up(name: str) -> None:
    profile = hpass.profile(FIXTURES / f"{name}.onnx", runs=5, warmup=2)

    assert profile.mapped >= 0.99
    assert profile.runs == 5
    own = sum(module.own_us for module in profile.modules.values())
    assert own + profile.unmapped.us == pytest.approx(profile.profiled_us, rel=1e-3)
    root = profile.modules[""]
    assert root.all_us == pytest.approx(own)
    assert sum(module.share for module in profile.modules.values()) == pytest.approx(profile.mapped)
    assert all(module.low_us <= module.own_us <= module.high_us for module in profile.modules.values())
    assert profile.total_us is not None


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_BODIES])
def test_a_node_is_in_the_module_of_all_that_it_replaced(name: str, tmp_path: Path) -> None:
    run = ensure_tagged(FIXTURES / f"{name}.onnx")
    plain = plain_copy(run.model.snapshot(run.tags(), run.modules).proto)
    named = FIXTURES / "external_data.bin"
    (tmp_path / named.name).write_bytes(named.read_bytes())
    (tmp_path / "model.onnx").write_bytes(plain.proto.SerializeToString())
    scopes = {node: tag.scope for node, tag in plain.tags.items() if tag.source is not Source.FALLBACK or tag.scope}
    expected = expected_modules(tmp_path / "model.onnx", scopes, tmp_path)
    found = ModuleLookup(plain.tags, run.modules).of_optimised(plain.proto, onnx.load(tmp_path / "all.onnx")).named

    assert len(expected) >= 0.6 * len(found)
    assert {node: found[node].scope for node in expected} == {
        node: run.modules.nearest_called(scope) for node, scope in expected.items()
    }


def test_bodies_of_control_flow_have_modules_of_their_own() -> None:
    profile = hpass.profile(FIXTURES / "control_flow.onnx", runs=3, warmup=1)

    holder = next(node for node in profile.nodes if node.node.operator == "Loop")
    inner = next(node for node in profile.nodes if "repeat.cell.fc" in node.module.parts)
    assert holder.module.scope == "repeat"
    assert holder.calls == 1
    assert inner.calls == 3


def test_nodes_without_names_are_known() -> None:
    made = model("h = Relu(x) z = HardSwish(h) y = MatMul(z, w)", parameters=["w"])
    profile = hpass.profile(made, runs=2, warmup=0, level="none")

    assert {node.node.operator for node in profile.nodes} >= {"Relu", "MatMul"}
    assert len(profile.nodes) >= 3


def test_what_nothing_is_known_of_is_unmapped() -> None:
    profile = hpass.profile(model("h = Relu(x) y = Neg(h)"), runs=2, warmup=0)

    assert profile.mapped == 0
    assert profile.modules == {}
    assert profile.unmapped.us == pytest.approx(profile.profiled_us)


@pytest.mark.parametrize("level", ["all", "extended", "basic", "none"])
def test_every_level_is_mapped(level: str) -> None:
    assert hpass.profile(FIXTURES / "bert_tiny.onnx", runs=2, warmup=1, level=level).mapped >= 0.99


def test_a_trace_is_read_with_the_saved_model(tmp_path: Path) -> None:
    trace, saved = traced(FIXTURES / "bert_tiny.onnx", tmp_path)

    with_model = hpass.profile_trace(FIXTURES / "bert_tiny.onnx", trace, optimised=saved)
    alone = hpass.profile_trace(FIXTURES / "bert_tiny.onnx", trace)

    assert with_model.mapped >= 0.99
    assert 0.3 < alone.mapped < with_model.mapped
    assert alone.profiled_us == with_model.profiled_us
    assert with_model.total_us is None
    own = sum(module.own_us for module in alone.modules.values())
    assert own + alone.unmapped.us == pytest.approx(alone.profiled_us, rel=1e-3)


def traced(path: Path, folder: Path) -> tuple[Path, Path]:
    """Run a model as a user would who has never heard of hpass; return the trace and the saved model."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "trace")
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    ones = {value.name: np.ones((1, 8), np.int64) for value in session.get_inputs()}
    for _ in range(3):
        session.run(None, ones)
    return Path(session.end_profiling()), folder / "optimised.onnx"


def test_progress_is_reported() -> None:
    steps: list[str] = []
    hpass.profile(FIXTURES / "simple_cnn.onnx", runs=2, warmup=1, step=steps.append)

    assert steps.count("without profiling") == 2
    assert steps.count("with profiling") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runs": 0}, "0 runs: at least 1 is needed"),
        ({"threads": 0}, "0 threads: at least 1 is needed"),
        ({"level": "al"}, "no optimisation level 'al'; did you mean all"),
        ({"providers": ["CPU:x"]}, "'x' is not KEY=VALUE"),
        ({"sizes": {"s54": 2}}, "no input has a free dimension 's54'; did you mean s53"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        hpass.profile(FIXTURES / "bert_tiny.onnx", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"providers": ["Nonsense"]}, "onnxruntime has no NonsenseExecutionProvider here; it has .*CPUExecution"),
        ({"sizes": {"s53": 100_000}}, "no inputs were found with which it runs"),
    ],
)
def test_a_model_that_does_not_run_is_reported_in_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(HpassError, match=message) as error:
        hpass.profile(FIXTURES / "bert_tiny.onnx", runs=1, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_profile_is_of_public_types() -> None:
    assert isinstance(hpass.profile(FIXTURES / "external_data.onnx", runs=1, warmup=0), Profile)

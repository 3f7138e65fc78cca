"""onnx.checker's word on a model: one line, whatever the model does to the checker."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import onnx.parser
import pytest
from skips import posix_only

from hpass.graph.verify import onnx_check
from hpass.graph.verify.onnx_check import check_fully, check_structure

GOOD = "y = Relu(x)"
UNDEFINED = "y = Relu(nowhere)"
# The structure is sound; only shape inference sees that the result has no place for a second axis.
WRONG_SHAPE = "axis = Constant<value_ints = [1]>() y = Squeeze(x, axis)"


def model(nodes: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[2, 4] x) => (float[2, 4] y) {{ {nodes} }}'
    )


@pytest.mark.parametrize(("nodes", "found"), [(GOOD, None), (UNDEFINED, "nowhere"), (WRONG_SHAPE, None)])
def test_the_structure_is_checked(nodes: str, found: str | None) -> None:
    problem = check_structure(model(nodes))

    assert problem is None if found is None else found in (problem or "")


@pytest.mark.parametrize(("nodes", "found"), [(GOOD, None), (UNDEFINED, "nowhere"), (WRONG_SHAPE, "must be 1")])
def test_a_full_check_infers_shapes_of_a_message_and_of_a_file(nodes: str, found: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model(nodes), path)

    for source in (model(nodes), path):
        problem = check_fully(source, seconds=60)
        assert problem is None if found is None else found in (problem or "")
        assert "\n" not in (problem or "")


def test_a_full_check_imports_nothing_from_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "onnx.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert check_fully(model(GOOD), seconds=60) is None


def test_a_checker_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_check, "_FULL_CHECK", "import time; time.sleep(60)")

    assert check_fully(model(GOOD), seconds=0.2) == "no answer within 0.2 s"


@posix_only
def test_a_checker_that_crashes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_check, "_FULL_CHECK", "import os; os.kill(os.getpid(), 9)")

    assert check_fully(model(GOOD), seconds=60) == "ended by signal 9"


def test_a_path_that_onnx_cannot_open_is_a_clear_problem() -> None:
    assert check_fully(Path(os.fsdecode(b"a\xff.onnx")), seconds=60) == (
        "not run, because onnx cannot open a path that is not UTF-8"
    )

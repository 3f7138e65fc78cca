"""The fuzzer of the reader of large values: it finds no fault, and would find one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest

from benchmarks.attack.wire_reader import main
from hpass.graph.files import placeholders, wire


def test_messages_are_what_protobuf_makes_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--messages", "1000"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("1,000 messages, ")
    assert text.endswith(" values left out, 0 faults\n")


@pytest.mark.parametrize("change", [{"may_repeat": True}, {"element_bytes": 1}], ids=str)
def test_a_reader_that_overlooks_something_is_found(
    change: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = wire.Schema(onnx.ModelProto(), placeholders._CONTENTS)
    for targets in schema._targets.values():
        targets.update({number: target._replace(**change) for number, target in targets.items()})
    monkeypatch.setattr(placeholders, "_SCHEMA", schema)
    assert main(["--messages", "1000"]) == 3
    assert not capsys.readouterr().out.endswith(" 0 faults\n")


def test_a_traceback_is_a_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(placeholders, "replace", lambda *_: 1 / 0)
    assert main(["--messages", "1"]) == 3
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_message_is_made_again(tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert main(["--only", "7", "--save", str(tmp_path / name)]) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert main(["--first", "7", "--messages", "1", "--save", str(tmp_path / "other")]) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_run_goes_on_where_another_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--minutes", "0", "--first", "7", "--save", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out.startswith("the time is over; go on with --first 7\n0 messages")
    assert not (tmp_path / "none").exists()

"""Tagging from Python: what the arguments may be, and what a run leaves alone in the process around it."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, ClassVar

import pytest
from onnx_graphsurgeon.logger import G_LOGGER
from text_models import model

import hpass

THREADS = 4
PASSES = "aux-inheritance,validation"
EVERY_NODE_IS_KNOWN = model('["/a/Relu"] y = Relu(x)')


@pytest.mark.parametrize(
    "settings",
    [
        "validation.runtime=true",
        ["validation.runtime=true"],
        iter(["validation.runtime=true"]),
        {"validation.runtime": "true"},
        {"validation.runtime": True},
    ],
    ids=["text", "list", "iterator", "mapping to text", "mapping to values"],
)
def test_settings_are_one_text_several_or_a_mapping(settings: str | Iterable[str] | Mapping[str, object]) -> None:
    run = hpass.run(EVERY_NODE_IS_KNOWN, PASSES, settings=settings)

    assert str(run.pipeline) == "aux-inheritance,validation:runtime=true"


def test_a_mapping_sets_several_options() -> None:
    run = hpass.run(EVERY_NODE_IS_KNOWN, PASSES, settings={"aux-inheritance.root": "keep", "validation.checker": False})

    assert str(run.pipeline) == "aux-inheritance:root=keep,validation:checker=false"


@pytest.mark.parametrize("settings", ["root", ["root"], {"root": "keep"}])
def test_a_setting_that_names_no_option_is_refused_as_it_was_given(settings: str | Iterable[str]) -> None:
    with pytest.raises(hpass.UsageError, match=r"'root(=keep)?': not a setting; write PASS\.OPTION=VALUE"):
        hpass.run(EVERY_NODE_IS_KNOWN, PASSES, settings=settings)


@dataclass(frozen=True)
class Warn(hpass.Pass):
    """Say something in graphsurgeon's own way, as its functions do."""

    name: ClassVar[str] = "warn"

    def apply(self, context: hpass.Context) -> None:
        G_LOGGER.warning(f"about {context.graph.name}")


def test_runs_side_by_side_leave_the_process_alone() -> None:
    stdout, all_inside = sys.stdout, Barrier(THREADS, timeout=60)
    seen: list[tuple[Any, bool]] = []

    def look(*_: Any) -> None:
        all_inside.wait()
        seen.append((sys.stdout, gc.isenabled()))
        all_inside.wait()

    def run(_: int) -> int:
        return len(list(hpass.run(EVERY_NODE_IS_KNOWN, observer=look).tags()))

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(run, range(THREADS))) == [1] * THREADS

    assert set(seen) == {(stdout, True)}
    assert (sys.stdout, gc.isenabled()) == (stdout, True)


def test_what_graphsurgeon_says_goes_to_python_s_logging(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    hpass.run(EVERY_NODE_IS_KNOWN, hpass.Pipeline((Warn(),)))

    assert capsys.readouterr().out == ""
    assert caplog.record_tuples == [("onnx_graphsurgeon", logging.WARNING, "about main")]


def test_graphsurgeon_s_own_settings_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(G_LOGGER, "severity", G_LOGGER.ERROR)
    hpass.run(EVERY_NODE_IS_KNOWN, hpass.Pipeline((Warn(),)))

    G_LOGGER.error(lambda: "once", mode=1)

    assert capsys.readouterr().out == ""
    assert [record.message for record in caplog.records] == ["once"]

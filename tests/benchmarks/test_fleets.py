"""The benchmark of thousands of models: on a few, nothing is lost, whatever is killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")
pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

from benchmarks.fleets import __main__ as fleets
from benchmarks.fleets.models import write_models
from benchmarks.fleets.page import page

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
FILES = 24


def test_models_differ(tmp_path: Path) -> None:
    write_models(tmp_path, FILES)

    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == FILES


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("way", fleets.WAYS)
def test_nothing_is_lost_if_something_is_killed(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        # So that it is as before when the test is over.
        monkeypatch.setenv(name, "")

    rows = list(fleets.measured(tmp_path, FILES, [way], ["nothing", "a worker", "the run"]))

    assert [row.killed for row in rows] == ["nothing", "a worker", "the run"]
    assert {(row.lines, row.models, row.outputs, row.same) for row in rows} == {(FILES, FILES, FILES, FILES)}
    assert all(row.memory > 0 for row in rows)
    assert page(rows).count(f"| {FILES} | {FILES} | {FILES} | {FILES} |") == len(rows)


def test_the_page_has_the_last_of_several_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = fleets.Row("a way", "nothing", 100, 20.0, 1 << 20, 100, 100, 100, 100, 1.0)
    rows = [row._replace(seconds=10.0), row]
    (tmp_path / "rows").write_text("".join(f"{json.dumps(row._asdict())}\n" for row in rows), encoding="utf-8")
    line = ["--ways", "--rows", str(tmp_path / "rows"), "-o", str(tmp_path / "page.md")]
    monkeypatch.setattr(sys, "argv", ["fleets", *line])

    fleets.main()

    assert "| a way | nothing | 100 | 5 | 1 MB |" in (tmp_path / "page.md").read_text(encoding="utf-8")

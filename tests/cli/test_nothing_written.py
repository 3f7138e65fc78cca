"""Status 1 says that nothing was written for that input: no model, no data, no report."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from skips import posix_only

pytestmark = posix_only

HPASS = [sys.executable, "-m", "hpass"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return the path of an older output, beside an older report."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("out.onnx", "report.json"):
        (folder / name).write_bytes(b"old")
    return folder / "out.onnx"


def content(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("report", ["{}/folder.json", "/proc/report.json", "{}/full.json"])
def test_if_the_report_cannot_be_written_the_model_is_not(hpass: Any, model: Path, out: Path, report: str) -> None:
    (out.parent / "folder.json").mkdir()
    (out.parent / "full.json").symlink_to("/dev/full")
    before = content(out.parent)
    result = hpass("run", model, "-o", out, "--report", report.format(out.parent))
    assert result.status == 1
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert "cannot be written" in result.err
    assert content(out.parent) == before


@pytest.mark.parametrize("target", ["/dev/full", "{}/report.json/x.onnx", "{}/a/missing/one.onnx"])
def test_if_the_model_cannot_be_written_the_report_is_not(hpass: Any, model: Path, out: Path, target: str) -> None:
    before = content(out.parent)
    result = hpass("run", model, "-o", target.format(out.parent), "--report", out.with_name("report.json"))
    assert (result.status, result.out) == (1, "")
    assert content(out.parent) == before


def test_if_the_result_cannot_be_printed_nothing_is_written(model: Path, out: Path) -> None:
    before = content(out.parent)
    options = ["-o", str(out), "--json", "--report", str(out.with_name("report.json"))]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*HPASS, "run", str(model), *options], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"hpass: standard output: cannot be written (No space left on device)\n"
    assert content(out.parent) == before


def test_a_reader_that_leaves_hinders_nothing(model: Path, out: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*HPASS, "run", str(model), "-o", str(out)], stdout=writer, check=False)
    os.close(writer)
    assert done.returncode == 0
    assert out.read_bytes() != b"old"


def test_if_a_dump_cannot_be_written_neither_is_the_model(hpass: Any, model: Path, out: Path) -> None:
    dump = out.with_name("dump")
    (dump / "02-module-mapping.onnx").mkdir(parents=True)
    result = hpass("run", model, "-o", out, "--dump", dump)
    assert result.status == 1
    assert "02-module-mapping.onnx: " in result.err
    assert out.read_bytes() == b"old"


def test_several_files_fail_apart(hpass: Any, model: Path, control_flow: Path, out: Path) -> None:
    (out.parent / "model.tagged.onnx").symlink_to("/dev/full")
    result = hpass("run", model, control_flow, "-o", out.parent)
    assert result.status == 1
    assert len(result.err.splitlines()) == 1
    assert (out.parent / "control_flow.tagged.onnx").is_file()


def test_a_journal_that_cannot_be_completed_is_one_line(hpass: Any, model: Path) -> None:
    journal = model.with_name(".hpass-journal")
    journal.mkdir()
    (journal / "journal.json").write_text("nonsense")
    commands = [
        ("tree", model), ("show", model, "#0"), ("validate", model), ("run", model, "-o", model.with_name("x.onnx")),
        ("strip", model, "--in-place"), ("diff", model, model), ("run", model, "-o", "/dev/null", "--reference", model),
    ]  # fmt: skip
    for command in commands:
        result = hpass(*command)
        assert result.status == 1
        assert result.out == ""
        assert result.err == (
            f"hpass: {journal}: left by an interrupted run, and its list of files is damaged; "
            "remove it to keep the files beside it as they are\n"
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_ended_leaves_nothing_behind(model: Path, out: Path, number: signal.Signals, jobs: int) -> None:
    code = (
        "import sys, time\n"
        "from hpass.graph.files import model_file\n"
        "def slowly(model, file, placeholders):\n"
        "    file.write(b'begun')\n"
        "    file.flush()\n"
        "    time.sleep(60)\n"
        "model_file.write = slowly\n"
        "from hpass.cli.main import main\n"
        "if __name__ == '__main__':\n"
        "    main()\n"
    )
    script = model.with_name("script.py")
    script.write_text(code)
    inputs = [model, *([Path(shutil.copy(model, model.with_name("other.onnx")))] if jobs > 1 else [])]
    target = out.parent if jobs > 1 else out
    before = content(out.parent)
    running = subprocess.Popen(
        [sys.executable, str(script), "run", *map(str, inputs), "-o", str(target), "--jobs", str(jobs)],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no thread runs
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and len(list(out.parent.glob(".hpass-staging-*/0"))) < jobs:
        time.sleep(0.05)
    assert len(list(out.parent.glob(".hpass-staging-*/0"))) == jobs
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (128 + number, b"")
    assert content(out.parent) == before

"""What the system refuses: one line, the right status, and nothing left behind."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hpass.cli.error_text import error_text
from hpass.cli.signals import Terminated, raise_on_termination

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell's redirections and signals")

CLOSED = "hpass: standard output: cannot be written (Bad file descriptor)"
FULL = "hpass: standard output: cannot be written (No space left on device)"
ARGUMENTS = "run {model} -o {out}"

# What is done to the streams, the command line, the status, what standard error says, whether the output is written.
STREAMS: list[tuple[str, str, int, str, bool]] = [
    ("2>&-", ARGUMENTS, 0, "", True),
    ("2>&-", f"{ARGUMENTS} --passes none", 2, "", False),
    ("2>&-", f"{ARGUMENTS} --print-after fallback --time-passes", 0, "", True),
    ("2>/dev/full", f"{ARGUMENTS} --print-after fallback --time-passes", 0, "", True),
    ("2>/dev/full", "run {none} -o {out}", 1, "", False),
    (">&-", ARGUMENTS, 0, CLOSED, True),
    (">/dev/full", ARGUMENTS, 0, FULL, True),
    (">&- 2>&-", ARGUMENTS, 0, "", True),
    ("<&- >&- 2>&-", ARGUMENTS, 0, "", True),
    (">&-", f"{ARGUMENTS} --json", 1, CLOSED, False),
    (">/dev/full", f"{ARGUMENTS} --json", 1, FULL, False),
    (">/dev/full", "run {model} {other} --json", 1, FULL, False),
    (">&-", "run {model} -o -", 1, CLOSED, False),
    (">&-", "tree {model}", 1, CLOSED, False),
    (">&- 2>&-", "tree {model}", 1, "", False),
    (">&-", "passes", 1, CLOSED, False),
    ("<&-", "run - -o {out}", 1, "hpass: standard input: is closed; name a file, or redirect a model to it", False),
    (">/dev/full", "--help", 1, FULL, False),
    (">/dev/full", "--version", 1, FULL, False),
    (">/dev/full", "run --help", 1, FULL, False),
    (">&-", "--version", 1, CLOSED, False),
]


@pytest.fixture
def names(model: Path) -> dict[str, str]:
    """Return the files that a command line may name."""
    other = model.with_name("other.onnx")
    other.write_bytes(model.read_bytes())
    return {
        "model": str(model),
        "other": str(other),
        "out": str(model.with_name("out.onnx")),
        "none": str(model.with_name("none.onnx")),
    }


@pytest.mark.parametrize(("redirection", "line", "status", "said", "written"), STREAMS)
def test_a_stream_that_is_closed_or_full(
    names: dict[str, str], redirection: str, line: str, status: int, said: str, *, written: bool
) -> None:
    if "/dev/full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    folder = Path(names["model"]).parent
    before = set(folder.iterdir())
    command = shlex.join([sys.executable, "-m", "hpass", *line.format(**names).split()])

    done = subprocess.run(["/bin/sh", "-c", f"{command} {redirection}"], capture_output=True, check=False, timeout=120)

    assert (done.returncode, done.stderr.decode().strip()) == (status, said)
    assert set(folder.iterdir()) - before == ({Path(names["out"])} if written else set())
    if written:
        assert b"hpass.scope" in Path(names["out"]).read_bytes()


def test_a_closed_stream_s_number_goes_to_no_file(names: dict[str, str]) -> None:
    """What libraries write to descriptor 2 must not land in the model."""
    code = (
        "import os; from hpass.cli import main; import hpass.cli.run_job as job; load = job.load\n"
        "def noisy(path):\n    model = load(path); os.write(2, b'noise'); return model\n"
        "job.load = noisy; main()"
    )
    command = shlex.join([sys.executable, "-c", code, *ARGUMENTS.format(**names).split()])

    done = subprocess.run(["/bin/sh", "-c", f"{command} <&- >&- 2>&-"], check=False, timeout=120)

    assert done.returncode == 1, "to write to it fails"
    assert not Path(names["out"]).exists()


LONG_NAME = "x" * 300
LONG_PATH = "/".join(["y" * 200] * 25)


@pytest.mark.parametrize("path", [LONG_NAME, LONG_PATH], ids=["name", "path"])
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("run {path}", 1),
        ("run {model} -o {path}", 1),
        ("run {model} --report {path}.json", 1),
        ("run {model} --modules {path}", 2),
        ("run {model} --reference {path}", 1),
        ("run {model} --reference {path}.safetensors", 2),
        ("run {model} --dump {path}", 1),
        pytest.param("run {model} --model {path}", 1, marks=pytest.mark.torch),
        pytest.param("run {model} --model {path}.py:make", 1, marks=pytest.mark.torch),
        ("run {model} {path} -o .", 1),
        ("tree {path}", 1),
        ("show {path} #0", 1),
        ("validate {path}", 1),
        ("validate {model} --against {path}", 1),
        ("strip {path} -o x.onnx", 1),
        ("strip {model} -o {path}", 1),
        ("diff {model} {path}", 1),
        ("diff {path} {model}", 1),
        pytest.param("export {path} x.onnx", 1, marks=pytest.mark.torch),
        pytest.param("export {path}.py:make x.onnx", 1, marks=pytest.mark.torch),
        pytest.param("export {model} {path}", 1, marks=pytest.mark.torch),
    ],
)
def test_a_path_that_is_too_long(
    hpass: Any, model: Path, monkeypatch: pytest.MonkeyPatch, *, line: str, status: int, path: str
) -> None:
    monkeypatch.chdir(model.parent)
    several = " -o ." in line

    result = hpass(*line.format(model=model, path=path).split())

    assert result.status == status
    errors = [text for text in result.err.splitlines() if text != "building the model"]
    assert len(errors) == 1, result.err
    assert errors[0].startswith("hpass: ")
    assert set(model.parent.iterdir()) - {model} == ({model.with_name("model.tagged.onnx")} if several else set())


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("run {model}", 0, ""),
        ("run x.onnx", 1, "hpass: x.onnx: there is no such file\n"),
        ("run {model} -o x.onnx", 1, "hpass: "),
        ("tree {model}", 0, ""),
    ],
)
def test_a_working_directory_that_was_removed(
    names: dict[str, str], tmp_path: Path, line: str, status: int, said: str
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = shlex.join([sys.executable, "-m", "hpass", *line.format(**names).split()])

    done = subprocess.run(
        ["/bin/sh", "-c", f"cd {shlex.quote(str(gone))} && rmdir {shlex.quote(str(gone))} && {command}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == status
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == (1 if status else 0)


def test_what_may_be_a_bug_is_not_described() -> None:
    assert error_text(ValueError("x")) is None
    assert error_text(OSError(errno.EINVAL, "Invalid argument")) is None


@pytest.mark.parametrize("line", ["run {model}", "run {model} {other}"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(7), "tried to end the process (SystemExit(7))"),
        (MemoryError(), "not enough memory"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", b"a\xffb"), r"a\udcffb: Too many levels"),
    ],
)
def test_an_error_from_outside_is_one_line_with_status_1(
    hpass: Any, names: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, line: str, error: BaseException, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("hpass.cli.run_job.run_passes", fail)

    result = hpass(*line.format(**names).split())

    assert result.status == 1
    assert [said in text for text in result.err.splitlines()] == [True] * (line.count("{"))
    assert {path.name for path in Path(names["model"]).parent.iterdir()} == {"model.onnx", "other.onnx"}


@pytest.fixture
def _handlers() -> Generator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("line", ["run {model}", "run {model} {other}"])
def test_a_signal_to_end_unwinds_and_gives_its_status(
    hpass: Any, names: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, line: str, number: int, status: int
) -> None:
    def send(*_: object) -> None:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal came before")

    monkeypatch.setattr("hpass.cli.run_job._reports", send)
    raise_on_termination()

    result = hpass(*line.format(**names).split())

    assert (result.status, result.out, result.err) == (status, "", "")
    assert {path.name for path in Path(names["model"]).parent.iterdir()} == {"model.onnx", "other.onnx"}
    assert signal.getsignal(number) is signal.SIG_IGN, "a second signal does not interrupt the cleaning up"


@pytest.mark.usefixtures("_handlers")
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    raise_on_termination()

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_nothing_that_catches_errors_catches_the_end() -> None:
    assert not issubclass(Terminated, Exception)
    assert Terminated(signal.SIGTERM).exit_code == 143

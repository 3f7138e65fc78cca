"""What only a process of its own shows: streams that close, signals, bugs, start-up, completion."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from skips import posix_only

from hpass.cli.app import COMMANDS

HPASS = [sys.executable, "-m", "hpass"]
_UNTIL_IT_READS_S = 0.3


def test_help_imports_neither_onnx_nor_torch() -> None:
    code = (
        "import sys; from hpass.cli.main import run_command; run_command(['--help']); "
        "print(*({'onnx', 'torch', 'numpy', 'rich', 'onnx_graphsurgeon', 'transformers'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "Commands:" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


_HEAVY = {"onnx", "google.protobuf", "numpy", "rich", "onnx_graphsurgeon", "onnxruntime"}


@pytest.mark.parametrize("arguments", [["tree"], ["show", "--stored", "#1"], ["select", "**"]])
def test_what_prints_stored_tags_imports_neither_onnx_nor_numpy(hpass: Any, model: Path, arguments: list[str]) -> None:
    assert hpass("run", model, "--in-place").status == 0
    command = arguments.copy()
    command.insert(1 + ("--stored" in arguments), str(model))

    assert _heavy_imports(command) == set()


@pytest.mark.parametrize("arguments", [["passes"], ["passes", "--json"]])
def test_to_list_passes_imports_neither_onnx_nor_numpy(arguments: list[str]) -> None:
    assert _heavy_imports(arguments) == set()


def _heavy_imports(command: list[str]) -> set[str]:
    """Run a command in a process of its own, and return the packages that it imports and that take long."""
    code = (
        f"import sys; from hpass.cli.main import run_command; assert run_command({command}) == 0; "
        f"print(*({_HEAVY} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert len(done.stdout.splitlines()) > 1
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("command", [command.__name__ for command in COMMANDS])
def test_every_command_has_help(hpass: Any, command: str) -> None:
    result = hpass(command, "--help")

    assert result.status == 0
    assert result.out.startswith(f"Usage: hpass {command} ")


def test_help_names_every_command_with_a_line_that_fits(hpass: Any) -> None:
    out = hpass("--help").out

    listed = out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == [command.__name__ for command in COMMANDS]
    assert not [line for line in listed if line.endswith("...")]


def test_version_is_the_package_s(hpass: Any) -> None:
    assert hpass("--version").out == f"hpass {version('hpass')}\n"


@pytest.mark.parametrize("arguments", [["tree"], ["run"], ["run", "--json"], ["run", "--help"], ["--version"]])
def test_a_reader_that_leaves_ends_nothing(model: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [*HPASS, *arguments, str(model)], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60
    )

    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_of_the_model_that_leaves_is_one_line(model: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [*HPASS, "run", str(model), "-o", "-"], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60
    )

    os.close(writer)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["hpass: standard output: cannot be written (Broken pipe)"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_messages_come_when_they_are_written(model: Path, unbuffered: str) -> None:
    done = subprocess.run(
        [*HPASS, "run", str(model), "--print-after", "fallback"],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.startswith("; after fallback\n")


@posix_only
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_with_its_status_without_a_traceback_or_a_half_written_file(
    model: Path, tmp_path: Path, *, jobs: int, number: str, status: int
) -> None:
    pipes = [tmp_path / "waiting1.onnx", tmp_path / "waiting2.onnx"]
    for pipe in pipes:
        os.mkfifo(pipe)
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*HPASS, "run", *map(str, pipes), str(model), "-o", str(folder), "--jobs", str(jobs)]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no thread runs here
    )
    # Whoever reads these files waits for what nobody writes.
    writers = [_open_once_read(pipe) for pipe in pipes[:jobs]]
    # Python sees a signal that comes just before a system call only when the call returns, which here it never does.
    time.sleep(_UNTIL_IT_READS_S)

    # Ctrl-C reaches all processes of a terminal, kill only the one that it names.
    (os.killpg if number == "SIGINT" else os.kill)(running.pid, getattr(signal, number))

    _, err = running.communicate(timeout=60)
    for writer in writers:
        os.close(writer)
    assert (running.returncode, err) == (status, b"")
    assert not list(folder.iterdir())


@posix_only
def test_processes_side_by_side_end_with_a_parent_that_is_killed(model: Path, tmp_path: Path) -> None:
    """One of them waits for a file that nobody writes, the other for work."""
    pipe = tmp_path / "waiting.onnx"
    os.mkfifo(pipe)
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*HPASS, "run", str(pipe), str(model), "-o", str(folder), "--jobs", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    writer = _open_once_read(pipe)
    written = folder / "model.tagged.onnx"
    while not written.exists():
        time.sleep(0.01)

    running.kill()

    # Each of them has the standard output of its parent, which ends with the last.
    running.communicate(timeout=60)
    os.close(writer)
    assert list(folder.iterdir()) == [written]


def _heed_interrupts() -> None:
    """Undo what a shell does to a job in its background, whose children would all ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _open_once_read(pipe: Path) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.05)
    raise AssertionError(f"nobody reads {pipe}")


def test_a_bug_keeps_its_traceback(model: Path) -> None:
    code = (
        "import hpass.api, sys\n"
        "def broken(*_): raise ZeroDivisionError('a bug')\n"
        "hpass.api.load = broken\n"
        "from hpass.cli.main import main\n"
        f"sys.argv = ['hpass', 'tree', {str(model)!r}]\n"
        "main()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ZeroDivisionError: a bug\n")


def test_a_process_that_dies_takes_only_its_own_file_along(model: Path, control_flow: Path) -> None:
    """A hostile file can kill a C library; here opening it does."""
    code = (
        "import os, hpass.cli.run_job as run_job\n"
        "from hpass.cli.main import main\n"
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    sys.argv = ['hpass', 'run', *sys.argv[1:], '--jobs', '2']\n"
        "    main()\n"
        "else:\n"
        "    load = run_job.load\n"
        "    run_job.load = lambda path: os._exit(7) if 'hostile' in str(path) else load(path)\n"
    )
    script = model.with_name("script.py")
    script.write_text(code)
    hostile = model.with_name("hostile.onnx")
    hostile.write_bytes(model.read_bytes())

    command = [sys.executable, str(script), str(hostile), str(model), str(control_flow)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"hpass: {hostile}: the process that read it died; the file may be malicious"]
    assert model.with_name("model.tagged.onnx").exists()
    assert control_flow.with_name("control_flow.tagged.onnx").exists()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("hpass ru", {"run"}),
        ("hpass run --pas", {"--passes"}),
        ("hpass run --passes scope-parse,fa", {"scope-parse,fallback"}),
        ("hpass run --passes a", {"all", "annotate", "aux-inheritance"}),
        ("hpass run --stop-after v", {"validation"}),
        ("hpass run --set validation.c", {"validation.checker="}),
        ("hpass run --external-data l", {"link"}),
    ],
)
def test_the_shell_completes(typed: str, offered: set[str]) -> None:
    words = typed.split()
    environment = {
        **os.environ,
        "_HPASS_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }

    done = subprocess.run([*HPASS], env=environment, capture_output=True, text=True, check=False)

    assert set(done.stdout.split()) == offered
    assert done.stderr == ""


def test_a_terminal_gets_colours_and_bars(model: Path) -> None:
    pty = pytest.importorskip("pty")
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)

    subprocess.run([*HPASS, "run", str(model)], stdout=child, check=True, env=environment, timeout=60)

    os.close(child)
    shown = os.read(parent, 1 << 16).decode()
    assert "\x1b[" in shown
    assert "█" in shown

"""A file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import onnx
import onnx.parser
import pytest
from skips import not_as_root

import hpass
from hpass.graph.files.atomic_write import atomic_write

SIZE = 4 << 20
KILLS = 40

# Writes the file over and over, all its bytes the same and different from those before.
WRITER = f"""
import sys
from pathlib import Path
from hpass.graph.files.atomic_write import atomic_write

for number in range(1, 1_000_000):
    with atomic_write(Path(sys.argv[1])) as file:
        for _ in range(16):
            file.write(bytes([number % 250]) * {SIZE // 16})
    print(number, flush=True)
"""

SMALL = "g (float[2] x) => (float[2] y) { y = Relu(x) }"


def small_model() -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {SMALL}')


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "hpass-tmp" in path.name]


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(SIZE))
    moments = random.Random(0)  # noqa: S311 - moments, not secrets
    contents: set[int] = set()
    seen_leftovers = False
    for _ in range(KILLS):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(moments.uniform(0, 0.02))
            writer.send_signal(signal.SIGKILL)
        data = path.read_bytes()
        assert len(data) == SIZE
        assert len(set(data)) == 1
        contents.add(data[0])
        seen_leftovers |= bool(leftovers(tmp_path))
    # It was killed in the midst of writing, and what that left behind goes with the next run.
    assert seen_leftovers
    assert len(contents) > 1
    with atomic_write(path) as file:
        file.write(b"new")
    assert leftovers(tmp_path) == []
    assert path.read_bytes() == b"new"


def test_what_a_living_writer_holds_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with atomic_write(path) as one:
        one.write(b"one")
        with atomic_write(path) as two:
            two.write(b"two")
        assert path.read_bytes() == b"two"
    assert path.read_bytes() == b"one"
    assert leftovers(tmp_path) == []


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def fail() -> None:
        with atomic_write(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    path.chmod(mode)
    with atomic_write(path) as file:
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_gets_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "ours") as file:
        file.write(b"new")
    (tmp_path / "theirs").write_bytes(b"new")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_a_symlink_s_target_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target.onnx"
    target.write_bytes(b"old")
    link = tmp_path / "link.onnx"
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    with atomic_write(link, follow=False) as file:
        file.write(b"newer")
    assert not link.is_symlink()
    assert (link.read_bytes(), target.read_bytes()) == (b"newer", b"new")


def test_a_device_stays_a_device() -> None:
    hpass.run(small_model()).save("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_names_with_a_meaning_to_the_shell_are_names(tmp_path: Path) -> None:
    other = tmp_path / ".ab.x.hpass-tmp"
    other.write_bytes(b"")
    for name in ("[ab]", "a*", "?b", ".hidden"):
        with atomic_write(tmp_path / name) as file:
            file.write(b"new")
    assert other.exists()


@pytest.mark.parametrize("out", ["/dev/full", "/proc/model.onnx", "{}/missing/model.onnx", "{}", "{}/file/model.onnx"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = out.format(tmp_path)
    with pytest.raises(hpass.HpassError) as refusal:
        hpass.run(small_model()).save(path)
    assert "\n" not in str(refusal.value)
    assert path.removesuffix("/model.onnx") in str(refusal.value)
    assert leftovers(tmp_path) == []


def test_without_posix_locks_and_signals_models_are_tagged_and_none_is_run(tmp_path: Path) -> None:
    source, target = tmp_path / "in.onnx", tmp_path / "out.onnx"
    onnx.save(small_model(), source)
    target.write_bytes(b"old")
    target.with_name(".out.onnx.x.hpass-tmp").write_bytes(b"left behind")
    script = textwrap.dedent("""
        import signal, sys
        sys.modules.update(fcntl=None, resource=None)
        del signal.setitimer, signal.SIGALRM
        from hpass.cli.main import run_command
        sys.exit(run_command(sys.argv[1:]))
    """)
    command = [sys.executable, "-c", script, "run", str(source), "-o", str(target), "--verify-runtime", "-v"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not-runnable: this system has no POSIX signals to limit the time of a run" in done.stdout
    assert hpass.load(target).stored_version is not None
    assert leftovers(tmp_path) == []


@not_as_root
def test_a_folder_without_permission_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(hpass.HpassError, match="Permission denied"):
        hpass.run(small_model()).save(tmp_path / "model.onnx")


def run_with_little_room(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line where no file may grow beyond 100 kB: a full disk that needs no disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [sys.executable, "-m", "hpass", *(str(argument) for argument in arguments)]
    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)


def large_model() -> onnx.ModelProto:
    model = small_model()
    model.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[100_000], raw_data=bytes(400_000))
    return model


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path: Path) -> None:
    source, target = tmp_path / "in.onnx", tmp_path / "out.onnx"
    onnx.save(large_model(), source)
    target.write_bytes(b"old")
    done = run_with_little_room("run", source, "-o", target)
    assert done.returncode == 1
    assert done.stderr.strip() == f"hpass: {target}: cannot be written (File too large)"
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_disk_that_is_full_for_the_data_leaves_model_and_data(tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "model.onnx", tmp_path / "out" / "model.onnx"
    for path in (source, target):
        path.parent.mkdir()
        onnx.save(large_model(), path, save_as_external_data=True, location="data.bin")
    (target.parent / "data.bin").write_bytes(b"old data")
    before = target.read_bytes()
    done = run_with_little_room("run", source, "-o", target)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert target.read_bytes() == before
    assert (target.parent / "data.bin").read_bytes() == b"old data"
    assert leftovers(target.parent) == []


@pytest.mark.slow
def test_a_run_killed_at_any_moment_leaves_model_and_data_that_fit(tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "model.onnx", tmp_path / "out" / "model.onnx"
    source.parent.mkdir()
    target.parent.mkdir()
    onnx.save(large_model(), source, save_as_external_data=True, location="data.bin")
    script = textwrap.dedent("""
        import sys, hpass
        from pathlib import Path
        source, target = map(Path, sys.argv[1:])
        run = hpass.run(source)
        print("ready", flush=True)
        while True:
            run.save(target)
            print("saved", flush=True)
            target.unlink()
            target.with_name("data.bin").unlink()
    """)
    moments = random.Random(0)  # noqa: S311 - moments, not secrets
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", script, str(source), str(target)], stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(moments.uniform(0, 0.02))
            run.send_signal(signal.SIGKILL)
        if target.exists():
            # The data was there before the model.
            assert (target.parent / "data.bin").read_bytes() == (source.parent / "data.bin").read_bytes()
        hpass.run(source).save(target)
        assert leftovers(target.parent) == []

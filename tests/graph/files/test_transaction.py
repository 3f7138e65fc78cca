"""Files are the old ones or the new ones, all of them, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnx.parser
import pytest
from skips import not_as_root, posix_only

import hpass
from hpass.errors import HpassError
from hpass.graph.files import placement
from hpass.graph.files.transaction import Transaction

pytestmark = posix_only


SMALL = "g (float[2] x) => (float[2] y) { y = Relu(x) }"


def small_model() -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {SMALL}')


def large_model() -> onnx.ModelProto:
    model = small_model()
    model.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[100_000], raw_data=bytes(400_000))
    return model


def write(path: Path, data: bytes) -> None:
    with Transaction(path) as transaction:
        transaction.write(path, lambda file: file.write(data))


def content(folder: Path) -> dict[str, bytes | None]:
    """Return everything that lies in a folder and below; None for a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with Transaction(path) as one:
        one.write(path, lambda file: file.write(b"one"))
        write(path, b"two")
        assert path.read_bytes() == b"two"
    assert content(tmp_path) == {"model.onnx": b"one"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, HpassError, MemoryError])
def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def fail() -> None:
        with Transaction(path) as transaction:
            transaction.write(path, lambda file: file.write(b"new"))
            raise error

    with pytest.raises(error):
        fail()
    assert content(tmp_path) == {"model.onnx": b"old"}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_nobody_else_may_read_is_not_readable_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    path.chmod(0o600)
    modes: list[int] = []
    with Transaction(path) as transaction:
        transaction.write(path, lambda file: modes.append(stat.S_IMODE(os.fstat(file.fileno()).st_mode)))
    assert modes == [0o600]


def test_a_new_file_gets_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    write(tmp_path / "ours", b"new")
    (tmp_path / "theirs").write_bytes(b"new")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_a_symlink_s_target_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target.onnx", tmp_path / "link.onnx"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_copy_takes_the_place_of_a_link_and_not_of_what_it_leads_to(tmp_path: Path) -> None:
    source, target, link = tmp_path / "source", tmp_path / "target", tmp_path / "link"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    link.symlink_to(target)
    with Transaction(tmp_path / "model.onnx") as transaction:
        transaction.copy(source, link, replace=True)
    assert not link.is_symlink()
    assert (link.read_bytes(), target.read_bytes()) == (b"new", b"old")


def test_a_device_stays_a_device() -> None:
    hpass.run(small_model()).save("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["[ab]", "a*", "?b", ".hidden", "a" * 255, "ü" * 127, "a\nb", os.fsdecode(b"a\xff")])
def test_any_name_that_the_file_system_takes_can_be_written(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, b"new")
    with Transaction(tmp_path / name) as transaction:
        transaction.write(tmp_path / f"b{name[1:]}", lambda file: file.write(b"beside"))
        transaction.write(tmp_path / name, lambda file: file.write(b"newer"))
    assert content(tmp_path) == {name: b"newer", f"b{name[1:]}": b"beside"}


@pytest.mark.parametrize("out", ["/dev/full", "/proc/model.onnx", "{}/missing/model.onnx", "{}", "{}/file/model.onnx"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = out.format(tmp_path)
    with pytest.raises(HpassError) as refusal:
        hpass.run(small_model()).save(path)
    assert "\n" not in str(refusal.value)
    assert path.removesuffix("/model.onnx") in str(refusal.value)
    assert content(tmp_path) == {"file": b""}


@pytest.mark.parametrize("name", ["a" * 256, "a/" * 3000 + "a"])
def test_a_name_that_is_too_long_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(HpassError, match="File name too long"):
        hpass.run(small_model()).save(tmp_path / name)
    assert content(tmp_path) == {}


@not_as_root
def test_a_folder_without_permission_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HpassError, match="Permission denied"):
        hpass.run(small_model()).save(tmp_path / "model.onnx")


def test_a_working_folder_that_is_gone_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(HpassError, match=r"model\.onnx: cannot be written"):
        hpass.run(small_model()).save("model.onnx")


# Several files.


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Return a folder with a set of files that a transaction is about to replace, one of them in a folder below."""
    (tmp_path / "below").mkdir()
    for name in ("a.bin", "below/b.bin", "model.onnx"):
        (tmp_path / name).write_bytes(b"old")
    return tmp_path


OLD = {"a.bin": b"old", "below": None, "below/b.bin": b"old", "model.onnx": b"old"}
NEW = {"a.bin": b"new", "below": None, "below/b.bin": b"new", "model.onnx": b"new"}
NEW |= {"added": None, "added/c.bin": b"new"}


def replace_all(folder: Path, last: Callable[[Transaction], object] = lambda _: None) -> None:
    with Transaction(folder / "model.onnx") as transaction:
        for name in ("a.bin", "below/b.bin", "added/c.bin", "model.onnx"):
            transaction.write(folder / name, lambda file: file.write(b"new"))
        last(transaction)


def test_all_files_of_a_set_are_replaced(older: Path) -> None:
    replace_all(older)
    assert content(older) == NEW


def test_nothing_takes_its_place_before_the_end(older: Path) -> None:
    def look(_transaction: Transaction) -> None:
        assert {name: data for name, data in content(older).items() if not name.startswith(".hpass-")} == OLD

    replace_all(older, look)


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("hard_links", [True, False])
def test_if_one_file_cannot_take_its_place_all_stay_as_they_were(
    older: Path, monkeypatch: pytest.MonkeyPatch, which: int, *, hard_links: bool
) -> None:
    moved = 0
    # The third file is new, and so it is linked if there are links, and not renamed.
    last = which + 1 - (hard_links and which > 1)

    def fail_once(path: Path, target: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == last:
            raise OSError(16, "Device or resource busy")
        path.rename(target)
        return target

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(placement.Path, "replace", fail_once)
    if not hard_links:
        monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(HpassError, match="cannot be written"):
        replace_all(older)
    monkeypatch.undo()
    assert content(older) == OLD


@pytest.mark.parametrize("hard_links", [True, False])
@pytest.mark.parametrize("names", [["model.onnx"], ["a.bin", "model.onnx"], ["new.bin", "model.onnx"]])
def test_a_folder_that_cannot_be_synced_costs_no_file(
    older: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], *, hard_links: bool
) -> None:
    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not hard_links:
        monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(placement, "sync_folder", fail)

    def write_all() -> None:
        with Transaction(older / "model.onnx") as transaction:
            for name in names:
                transaction.write(older / name, lambda file: file.write(b"new"))

    with pytest.raises(HpassError, match="Input/output error"):
        write_all()
    # A file that is alone cannot be kept without hard links; then the new one is there.
    alone_and_new = not hard_links and len(names) == 1
    assert content(older) == (OLD | {"model.onnx": b"new"} if alone_and_new else OLD)


def test_files_elsewhere_stay_as_they_were_if_the_set_cannot_take_its_place(
    older: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "report.json").write_bytes(b"old")

    def add_outside(transaction: Transaction) -> None:
        transaction.write(elsewhere / "report.json", lambda file: file.write(b"new"))
        transaction.write(elsewhere / "other.json", lambda file: file.write(b"new"))
        # Where a file is to go, a folder appears.
        (older / "model.onnx").unlink()
        (older / "model.onnx").mkdir()

    with pytest.raises(HpassError, match=r"model\.onnx: cannot be written"):
        replace_all(older, add_outside)
    assert content(older) == OLD | {"model.onnx": None}
    assert content(elsewhere) == {"report.json": b"old"}


def test_a_device_that_is_full_leaves_everything_unwritten(older: Path) -> None:
    with pytest.raises(HpassError, match="/dev/full: cannot be written"):
        replace_all(older, lambda transaction: transaction.write(Path("/dev/full"), lambda file: file.write(b"new")))
    assert content(older) == OLD


def test_what_may_replace_nothing_does_not(older: Path) -> None:
    with pytest.raises(HpassError, match=r"a\.bin: cannot be written \(File exists\)"):
        replace_all(older, lambda transaction: transaction.copy(Path(__file__), older / "a.bin", replace=False))
    assert content(older) == OLD


def test_what_may_replace_nothing_agrees_with_the_same(older: Path) -> None:
    (older / "same.bin").write_bytes(Path(__file__).read_bytes())
    replace_all(older, lambda transaction: transaction.copy(Path(__file__), older / "same.bin", replace=False))
    assert content(older) == NEW | {"same.bin": Path(__file__).read_bytes()}


def test_a_file_that_is_made_twice_is_the_second(older: Path) -> None:
    replace_all(older, lambda transaction: transaction.write(older / "a.bin", lambda file: file.write(b"newer")))
    assert content(older) == NEW | {"a.bin": b"newer"}


def test_two_transactions_at_once_give_the_files_of_one(older: Path) -> None:
    def write_others(_transaction: Transaction) -> None:
        with Transaction(older / "model.onnx") as transaction:
            for name in ("a.bin", "below/b.bin", "added/c.bin", "model.onnx"):
                transaction.write(older / name, lambda file: file.write(b"other"))

    replace_all(older, write_others)
    assert set(content(older).values()) == {None, b"other"} or content(older) == NEW


# Without a system's help, and with none of its room.


def test_without_posix_locks_and_signals_models_are_tagged_and_none_is_run(tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "in.onnx", tmp_path / "out" / "out.onnx"
    for folder in (source.parent, target.parent):
        folder.mkdir()
    onnx.save(large_model(), source, save_as_external_data=True, location="data.bin")
    left = target.with_name(".hpass-staging-1")
    left.mkdir()
    for name in ("journal.json", "0"):
        (left / name).write_bytes(b"left behind")
    script = textwrap.dedent("""
        import os, signal, sys
        sys.modules.update(fcntl=None, resource=None)
        del signal.setitimer, signal.SIGALRM, signal.SIGHUP
        del os.fchown, os.fchmod, os.O_NOFOLLOW, os.O_NONBLOCK, os.SEEK_DATA, os.SEEK_HOLE, os.copy_file_range
        del os.geteuid, os.posix_fadvise
        from hpass.cli.main import run_command
        sys.exit(run_command(sys.argv[1:]))
    """)
    command = [sys.executable, "-c", script, "run", str(source), "-o", str(target), "--verify-runtime", "-v"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not-runnable: this system has no POSIX signals to limit the time of a run" in done.stdout
    assert hpass.load(target).stored_version is not None
    assert sorted(content(target.parent)) == ["data.bin", "out.onnx"]


def run_with_little_room(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line where no file may grow beyond 100 kB: a full disk that needs no disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    # The files that coverage writes are larger than that.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-m", "hpass", *(str(argument) for argument in arguments)]
    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False, env=environment)


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "in.onnx", tmp_path / "out" / "out.onnx"
    for folder in (source.parent, target.parent):
        folder.mkdir()
    onnx.save(large_model(), source)
    target.write_bytes(b"old")
    done = run_with_little_room("run", source, "-o", target)
    assert done.returncode == 1
    assert done.stderr.strip() == f"hpass: {target}: cannot be written (File too large)"
    assert content(target.parent) == {"out.onnx": b"old"}


def test_a_disk_that_is_full_for_the_data_leaves_model_and_data(tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "model.onnx", tmp_path / "out" / "model.onnx"
    for path in (source, target):
        path.parent.mkdir()
        onnx.save(large_model(), path, save_as_external_data=True, location="data.bin")
    (target.parent / "data.bin").write_bytes(b"old data")
    before = content(target.parent)
    done = run_with_little_room("run", source, "-o", target)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert content(target.parent) == before


# Requests to end.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_end_waits_for_the_commit(
    older: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def end(_number: int, _frame: object) -> None:
        raise SystemExit

    def ask_to_end(folder: Path) -> None:
        os.kill(os.getpid(), number)
        sync_folder(folder)

    sync_folder = placement.sync_folder
    monkeypatch.setattr(placement, "sync_folder", ask_to_end)
    before = signal.signal(number, end)
    try:
        with pytest.raises(SystemExit):
            replace_all(older)
    finally:
        signal.signal(number, before)
    assert content(older) == NEW


# Power cuts.


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux tells which file a descriptor is")
def test_each_step_lasts_before_the_next_one_begins(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not synced may be lost in a power cut, or reach the disk in another order."""
    steps: list[tuple[str, str]] = []

    def record(name: str, of: Callable[..., object]) -> None:
        function: Callable[..., Any] = getattr(os, name)

        def recorded(*arguments: Any, **options: Any) -> Any:
            path = Path(str(of(*arguments)))
            steps.append((name, path.relative_to(older).as_posix() if path.is_relative_to(older) else str(path)))
            return function(*arguments, **options)

        monkeypatch.setattr(os, name, recorded)

    record("fsync", lambda descriptor: Path(f"/proc/self/fd/{descriptor}").readlink())
    for name in ("rename", "replace", "link"):
        record(name, lambda _source, target, **_: target)
    for name in ("unlink", "rmdir"):
        record(name, lambda path: path)
    replace_all(older)
    monkeypatch.undo()

    staging, journal = ".hpass-staging-1", ".hpass-journal"
    commit = steps.index(("rename", journal))
    # All files, then the list of them, then the folder that they lie in; then the commit, and the folder of that.
    assert [path for name, path in steps[:commit] if name == "fsync"] == [
        *(f"{staging}/{number}" for number in range(4)),
        f"{staging}/journal.json",
        staging,
    ]
    assert steps[commit + 1] == ("fsync", ".")
    # All files take their places, the model last, and only then what they came from goes.
    placed = [path for _, path in steps[commit + 2 :] if not path.startswith(journal)]
    assert placed[:4] == ["a.bin", "below/b.bin", "added/c.bin", "model.onnx"]
    last = steps.index(("replace", "model.onnx"))
    removed = next(place for place, (name, path) in enumerate(steps) if place > last and name in ("unlink", "rmdir"))
    assert {path for _, path in steps[last + 1 : removed]} == {".", "below", "added"}


# File systems of other kinds.


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EBUSY])
def test_where_a_folder_with_an_open_file_cannot_be_renamed_it_is_closed(
    older: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def is_open(path: Path) -> bool:
        links = Path("/proc/self/fd").iterdir()
        return any(os.path.realpath(link) == str(path) for link in links)

    def rename(path: Path, target: Path) -> Path:
        if is_open(path / "journal.json"):
            raise OSError(number, os.strerror(number))
        return whole(path, target)

    whole = Path.rename
    monkeypatch.setattr(Path, "rename", rename)
    replace_all(older)
    assert content(older) == NEW


def test_where_no_folder_can_be_renamed_the_model_comes_last(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(_path: Path, _target: Path) -> Path:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    order: list[str] = []
    whole = Path.replace
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(Path, "replace", lambda path, target: order.append(target.name) or whole(path, target))
    replace_all(older)
    assert content(older) == NEW
    assert order[-1] == "model.onnx"


def test_a_folder_that_may_not_be_renamed_at_all_leaves_everything_as_it_was(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(_path: Path, _target: Path) -> Path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(HpassError, match="cannot be written"):
        replace_all(older)
    assert content(older) == OLD

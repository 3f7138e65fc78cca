"""The content of large files is copied and compared without reading more than there is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skips import posix_only

from hpass.errors import HpassError
from hpass.graph.files import file_content
from hpass.graph.files.file_content import copy_content, same_content

pytestmark = posix_only

BLOCK = 1 << 16

# What a file consists of, in order: a hole, zeros that are written, or other bytes, each of so many blocks.
PARTS = st.lists(st.tuples(st.sampled_from(["hole", "zeros", "bytes"]), st.integers(1, 4)), max_size=5)


def make(path: Path, parts: list[tuple[str, int]], rest: int = 0) -> Path:
    with path.open("wb") as file:
        for kind, count in parts:
            if kind == "hole":
                file.seek(count * BLOCK, os.SEEK_CUR)
            else:
                file.write((b"\0" if kind == "zeros" else b"x") * count * BLOCK)
        file.truncate(file.tell() + rest)
    return path


def copied(source: Path, target: Path) -> Path:
    with target.open("wb") as file:
        copy_content(source, file)
    return target


def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what a system may lack."""
    monkeypatch.setattr(file_content, "fcntl", None)
    monkeypatch.delattr(os, "copy_file_range")
    monkeypatch.delattr(os, "SEEK_DATA")


def nothing(_monkeypatch: pytest.MonkeyPatch) -> None:
    pass


def without_help_by_the_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "copy_file_range", refuse)


@pytest.mark.parametrize("take_away", [nothing, without_help_by_the_file_system, plainly])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS, rest=st.integers(0, BLOCK))
def test_a_copy_has_the_same_bytes(
    tmp_path: Path, take_away: Callable[[pytest.MonkeyPatch], None], parts: list[tuple[str, int]], rest: int
) -> None:
    source = make(tmp_path / "source", parts, rest)
    with pytest.MonkeyPatch.context() as monkeypatch:
        take_away(monkeypatch)
        target = copied(source, tmp_path / "target")
        assert same_content(source, target)
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system has no such call")
@pytest.mark.parametrize("take_away", [nothing, without_help_by_the_file_system, plainly])
def test_the_disk_begins_to_write_while_the_rest_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take_away: Callable[[pytest.MonkeyPatch], None]
) -> None:
    source = make(tmp_path / "source", [("bytes", 7)], rest=1)
    begun: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, *advice: begun.append(advice))
    monkeypatch.setattr(file_content, "fcntl", None)
    monkeypatch.setattr(file_content, "_COPY_BYTES", BLOCK)
    monkeypatch.setattr(file_content, "_WRITE_BACK_BYTES", 2 * BLOCK)
    take_away(monkeypatch)

    copied(source, tmp_path / "target")

    assert begun == [(number * 2 * BLOCK, 2 * BLOCK, os.POSIX_FADV_DONTNEED) for number in range(3)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=PARTS, other=PARTS)
def test_files_are_the_same_if_their_bytes_are(
    tmp_path: Path, one: list[tuple[str, int]], other: list[tuple[str, int]]
) -> None:
    ours, theirs = make(tmp_path / "ours", one), make(tmp_path / "theirs", other)
    assert same_content(ours, theirs) == (ours.read_bytes() == theirs.read_bytes())


def test_a_byte_that_differs_is_found_wherever_it_is(tmp_path: Path) -> None:
    one = make(tmp_path / "one", [("hole", 3), ("bytes", 200), ("hole", 3)])
    for position in (0, 3 * BLOCK - 1, 3 * BLOCK, 200 * BLOCK, 206 * BLOCK - 1):
        other = copied(one, tmp_path / "other")
        with other.open("r+b") as file:
            file.seek(position)
            file.write(b"!")
        assert not same_content(one, other)
        assert not same_content(other, one)


def test_size_and_time_do_not_make_two_files_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path, data in ((one, b"AAAA"), (other, b"BBBB")):
        path.write_bytes(data)
        os.utime(path, (1, 1))
    assert not same_content(one, other)


def test_another_name_of_a_file_is_the_same_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, hard, soft = tmp_path / "one", tmp_path / "hard", tmp_path / "soft"
    one.write_bytes(b"data")
    hard.hardlink_to(one)
    soft.symlink_to(one)
    monkeypatch.setattr(Path, "open", None)
    assert same_content(one, hard)
    assert same_content(one, soft)


def test_reading_stops_at_the_first_difference(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path, byte in ((one, b"x"), (other, b"y")):
        path.write_bytes(byte + bytes(1 << 26))
    with BytesRead() as reads:
        assert not same_content(one, other)
    assert reads.bytes < 1 << 24


class BytesRead:
    """Counts the bytes that this process reads meanwhile."""

    bytes = 0

    def __enter__(self) -> Self:
        self.bytes = -self._now()
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes += self._now()

    def _now(self) -> int:
        return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.parametrize("other", ["missing", "folder", "pipe", "loop", "dangling"])
def test_what_is_no_file_is_not_the_same(tmp_path: Path, other: str) -> None:
    one = tmp_path / "one"
    one.write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("missing")
    assert not same_content(one, tmp_path / other)


def test_holes_stay_holes_and_are_not_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.write(b"start")
        # Larger than any memory, and it would take hours to read.
        file.truncate(1 << 43)
        file.seek(1 << 42)
        file.write(b"middle")
    if source.stat().st_blocks > 1 << 20:
        pytest.skip("this file system has no holes")
    target = copied(source, tmp_path / "target")
    assert target.stat().st_size == 1 << 43
    assert target.stat().st_blocks <= source.stat().st_blocks
    assert same_content(source, target)
    with target.open("rb") as file:
        assert file.read(5) == b"start"
        file.seek(1 << 42)
        assert file.read(6) == b"middle"


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "source", [("bytes", 3)])

    def grow(*_: object) -> bool:
        with source.open("ab") as file:
            file.write(b"more")
        return False

    monkeypatch.setattr(file_content, "_clone", grow)
    with pytest.raises(HpassError, match="changed while it was copied"):
        copied(source, tmp_path / "target")


def test_a_file_that_shrinks_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "source", [("bytes", 3)])
    monkeypatch.setattr(file_content, "_clone", lambda *_: os.truncate(source, 1))
    with pytest.raises(HpassError, match="changed while it was copied"):
        copied(source, tmp_path / "target")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HpassError, match="missing: cannot be read"):
        copied(tmp_path / "missing", tmp_path / "target")

"""What has no end is not read to its end."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from skips import posix_only

from hpass.errors import HpassError
from hpass.graph.files import limited_read
from hpass.graph.files.limited_read import read_file, read_stream

pytestmark = posix_only

ROOM = 4 << 30


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1000])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_file_is_read_whole_if_it_is_not_larger_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, chunk: int
) -> None:
    monkeypatch.setattr(limited_read, "_CHUNK_BYTES", chunk)
    data = os.urandom(size)
    expected = data if size <= 100 else None
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    path.write_bytes(data)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert read_file(path, 100) == expected
    assert read_file(pipe, 100) == expected
    writer.join()
    with path.open("rb") as stream:
        assert read_stream(stream, "it", 100) == expected
    assert read_stream(io.BytesIO(data), "it", 100) == expected


def test_a_file_without_a_size_is_read() -> None:
    # In /proc every file has the size 0.
    text = read_file(Path("/proc/self/status"), 1 << 20)
    assert text is not None
    assert b"Name:" in text


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(tmp_path: Path, device: str) -> None:
    (tmp_path / "link").symlink_to(device)
    for path in (Path(device), tmp_path / "link"):
        with pytest.raises(HpassError, match="a device, not a file"):
            read_file(path, 100)
    with Path(device).open("rb") as stream, pytest.raises(HpassError, match="standard input: is a device, not a file"):
        read_stream(stream, "standard input", 100)


def run_hpass(*arguments: str, stdin: str = "/dev/null", feeder: str = "") -> tuple[int, str]:
    """Run the command line in 4 GiB of memory; return the status and what it says."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))

    command = [sys.executable, "-m", "hpass", *arguments]
    with Path(stdin).open("rb") as stream:
        if feeder:
            with subprocess.Popen(feeder.split(), stdout=subprocess.PIPE) as fed:
                done = subprocess.run(
                    command, stdin=fed.stdout, preexec_fn=limit, capture_output=True, text=True, check=False
                )
                fed.kill()
        else:
            done = subprocess.run(command, stdin=stream, preexec_fn=limit, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


FIXTURE = str(Path(__file__).parents[3] / "fixtures" / "simple_cnn.onnx")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name", "status"),
    [
        (["run", "/dev/zero", "-o", "x.onnx"], "/dev/zero", 1),
        (["run", "-", "-o", "x.onnx"], "standard input", 1),
        (["run", FIXTURE, "-o", "x.onnx", "--modules", "/dev/zero"], "/dev/zero", 2),
        (["run", FIXTURE, "-o", "x.onnx", "--reference", "/dev/zero"], "/dev/zero", 1),
        (["validate", "/dev/zero"], "/dev/zero", 1),
    ],
)
def test_a_device_is_one_line_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"hpass: {name}: is a device, not a file; name a file\n"
    assert run_hpass(*arguments, stdin="/dev/zero") == (status, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_stream_without_end_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = "standard input: is 2 GiB or larger, which hpass cannot read; save the weights as external data first"
    assert run_hpass("run", "-", "-o", "x.onnx", feeder="cat /dev/zero") == (1, f"hpass: {said}\n")
    table = f"/dev/stdin: more than {1 << 28:,} bytes, too large for a module table; name another file"
    assert run_hpass("tree", FIXTURE, "--modules", "/dev/stdin", feeder="cat /dev/zero") == (2, f"hpass: {table}\n")

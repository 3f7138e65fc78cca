"""What is no model is refused in one line that names it, says what it is and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import onnx.parser
import pytest
from google.protobuf.message import DecodeError, EncodeError
from skips import not_as_root

import hpass
from hpass.graph.files import model_file

TEXT = '<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] y) { y = Relu(x) }'


def model() -> onnx.ModelProto:
    return onnx.parser.parse_model(TEXT)


def a_text_protobuf(path: Path) -> None:
    onnx.save(model(), path, format="textproto")


def json_text(path: Path) -> None:
    onnx.save(model(), path, format="json")


def onnx_text(path: Path) -> None:
    path.write_text(TEXT)


def a_truncated_file(path: Path) -> None:
    path.write_bytes(model().SerializeToString()[:-3])


def random_bytes(path: Path) -> None:
    path.write_bytes(os.urandom(1000))


def an_html_page(path: Path) -> None:
    path.write_text("<!doctype html>\n<html>404: not found</html>\n")


def a_large_file_pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n")


def an_empty_file(path: Path) -> None:
    path.write_bytes(b"")


def a_message_without_a_graph(path: Path) -> None:
    path.write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())


def a_folder(path: Path) -> None:
    path.mkdir()


def no_file(path: Path) -> None:
    pass


def a_broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def a_file_in_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_bytes(b"")


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def more_than_two_gigabytes(path: Path) -> None:
    with path.open("wb") as model_file:
        model_file.truncate(2**31)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (a_text_protobuf, "is text, not a binary ONNX model"),
        (json_text, "is text, not a binary ONNX model"),
        (onnx_text, "is text, not a binary ONNX model"),
        (an_html_page, "is text, not a binary ONNX model"),
        (a_large_file_pointer, "is text, not a binary ONNX model"),
        (a_truncated_file, "not an ONNX model, or truncated"),
        (random_bytes, "not an ONNX model, or truncated"),
        (an_empty_file, "the file is empty"),
        (a_message_without_a_graph, "has no graph"),
        (a_folder, "a folder, not a model"),
        (no_file, "there is no such file"),
        (a_broken_link, "there is no such file"),
        (a_file_in_a_file, "cannot be read (Not a directory)"),
        (more_than_two_gigabytes, "is 2 GiB or larger"),
        (a_device, "a device, not a file"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    path = tmp_path / "folder" / "model.onnx"
    path.parent.mkdir()
    make(path)
    with pytest.raises(hpass.HpassError) as refusal:
        hpass.load(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("cut", range(1, 50, 7))
def test_a_model_cut_anywhere_is_refused_or_a_model(tmp_path: Path, cut: int) -> None:
    data = model().SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data[:cut])
    # Cut between two fields, what is left is a message too, and without a graph no model.
    parses = True
    try:
        onnx.ModelProto.FromString(data[:cut])
    except DecodeError:
        parses = False
    with pytest.raises(hpass.HpassError, match="has no graph" if parses else "not an ONNX model, or truncated"):
        hpass.load(path)


@not_as_root
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model(), path)
    path.chmod(0)
    with pytest.raises(hpass.HpassError, match="no permission to read it"):
        hpass.load(path)


def test_a_message_is_copied() -> None:
    message = model()
    hpass.run(message).apply()
    assert message == model()


def test_a_model_that_tags_push_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = hpass.load(model())

    def fail(_model: onnx.ModelProto) -> list[bytes]:
        """Do what protobuf does with 2 GiB, which would take minutes."""
        raise EncodeError("Failed to serialize proto")

    for too_large in (fail, lambda _model: [bytes(1 << 10)] * (1 << 21)):
        monkeypatch.setattr(model_file, "chunks", too_large)
        with pytest.raises(hpass.HpassError, match="needs 2 GiB or more in one file"):
            opened.save(tmp_path / "out.onnx")
    assert list(tmp_path.iterdir()) == []

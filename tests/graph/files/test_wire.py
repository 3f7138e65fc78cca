"""What is left out of a message and put back gives what protobuf makes of the whole message, or is not left out.

`python -m benchmarks.attack.wire_reader` tries the same on many more messages.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto

from benchmarks.attack.odd_encodings import field, varint
from benchmarks.attack.wire_reader import with_tensors_everywhere
from hpass.graph.files import placeholders
from hpass.graph.files.placeholders import Placeholders
from hpass.graph.files.source_file import SourceFile


def open_data(path: Path, data: bytes) -> Placeholders:
    path.write_bytes(data)
    source = SourceFile.open(path)
    assert source is not None
    return Placeholders(source)


def parsed_and_serialised(data: bytes) -> bytes | None:
    try:
        return onnx.ModelProto.FromString(data).SerializeToString()
    except DecodeError:
        return None


def spliced(path: Path, data: bytes) -> bytes | None:
    """Return what is written for a file that nothing was changed in; None if it does not parse."""
    opened = open_data(path, data)
    try:
        message = onnx.ModelProto.FromString(opened.skeleton())
    except DecodeError:
        return None
    return b"".join(opened.file.blocks(opened.pieces(message)))


def tensor(name: str = "w", size: int = 2000) -> TensorProto:
    return TensorProto(name=name, data_type=TensorProto.UINT8, dims=[size], raw_data=name[:1].encode() * size)


def test_tensors_are_left_out_wherever_they_are(tmp_path: Path) -> None:
    model = with_tensors_everywhere(2000)
    opened = open_data(tmp_path / "model.onnx", model.SerializeToString())
    skeleton = onnx.ModelProto.FromString(opened.skeleton())
    assert all(each.ByteSize() < 200 for each in placeholders.all_tensors_of(skeleton))
    assert len(opened) == 3 * 11 + 4 + 1 + 2 + 2
    assert b"".join(opened.file.blocks(opened.pieces(skeleton))) == model.SerializeToString()
    opened.complete(skeleton)
    assert skeleton == model


def test_small_tensors_and_integers_stay(tmp_path: Path) -> None:
    model = onnx.ModelProto(ir_version=10)
    model.graph.initializer.append(tensor(size=1024))
    model.graph.initializer.add(name="i", data_type=TensorProto.INT64, dims=[2000], int64_data=range(2000))
    assert len(open_data(tmp_path / "model.onnx", model.SerializeToString())) == 0


def test_a_placeholder_follows_a_tensor_that_is_moved_copied_or_removed(tmp_path: Path) -> None:
    model = with_tensors_everywhere(2000)
    opened = open_data(tmp_path / "model.onnx", model.SerializeToString())
    skeleton = onnx.ModelProto.FromString(opened.skeleton())
    for message in (model, skeleton):
        message.graph.node.add(op_type="Constant").attribute.add(name="value").t.CopyFrom(message.graph.initializer[1])
        del message.graph.initializer[0]
        message.graph.initializer[0].name = "renamed"
        message.graph.initializer.add().CopyFrom(message.functions[0].attribute_proto[0].t)
    assert b"".join(opened.file.blocks(opened.pieces(skeleton))) == model.SerializeToString()


def initializer(*parts: bytes) -> bytes:
    return varint(1 << 3) + b"\x0a" + field(7, field(5, b"".join(parts)))


def attribute(*parts: bytes) -> bytes:
    return varint(1 << 3) + b"\x0a" + field(7, field(1, field(5, b"".join(parts))))


GROUPS = varint(999 << 3 | 3) + varint(9 << 3 | 3) + varint(9 << 3 | 4) + field(9, b"inside") + varint(999 << 3 | 4)
LARGE, OTHER = bytes(range(250)) * 8, b"x" * 1500
# What protobuf merges, joins, overwrites, keeps as unknown, or refuses.
ODD = {
    "raw data twice": initializer(field(9, LARGE), field(9, OTHER)),
    "raw data twice, one small": initializer(field(9, LARGE), field(9, b"small")),
    "raw data and another type of that number": initializer(field(9, LARGE), varint(9 << 3) + b"\x07"),
    "floats in two parts": initializer(field(4, LARGE), field(4, LARGE)),
    "floats packed and not": initializer(field(4, LARGE), varint(4 << 3 | 5) + b"abcd"),
    "floats not packed": initializer(*(varint(4 << 3 | 5) + b"abcd" for _ in range(500))),
    "floats of no whole number": initializer(field(4, LARGE + b"x")),
    "doubles of no whole number": initializer(field(10, LARGE + b"x")),
    "fields out of order": initializer(field(9, LARGE), field(8, b"name"), varint(2 << 3) + b"\x01", field(4, LARGE)),
    "an unknown field before": initializer(field(999, LARGE), field(9, LARGE)),
    "an unknown group": initializer(varint(999 << 3 | 3) + varint(999 << 3 | 4), field(9, LARGE)),
    "groups in a group": initializer(GROUPS, field(9, LARGE), GROUPS),
    "a group that does not end": initializer(GROUPS[:-2], field(9, LARGE)),
    "a group that another one ends": initializer(GROUPS[:-2] + varint(998 << 3 | 4), field(9, LARGE)),
    "a group with the number of the values": initializer(varint(9 << 3 | 3) + varint(9 << 3 | 4), field(9, LARGE)),
    "values in a group": initializer(varint(999 << 3 | 3) + field(9, LARGE) + varint(999 << 3 | 4), field(9, OTHER)),
    "an end of a group": initializer(varint(999 << 3 | 4), field(9, LARGE)),
    "a wire type that does not exist": initializer(varint(999 << 3 | 6), field(9, LARGE)),
    "field 0": initializer(b"\x02\x01a", field(9, LARGE)),
    "padded varints": initializer(field(9, LARGE, padding=2)),
    "padded as far as possible": initializer(field(9, LARGE, padding=3)),
    "padded too far": initializer(field(9, LARGE, padding=9)),
    "a padded element type": initializer(varint(2 << 3) + varint(1, padding=8), field(9, LARGE)),
    "an endless varint": initializer(varint(2 << 3) + b"\xff" * 11, field(9, LARGE)),
    "a length beyond the end": initializer(field(9, LARGE)[:-1]),
    "a number cut off": initializer(field(9, LARGE), varint(999 << 3 | 1) + b"1234"),
    "two graphs": initializer(field(9, LARGE)) + field(7, field(5, field(9, OTHER))),
    "two tensors of an attribute": attribute(field(5, field(9, LARGE)), field(5, field(8, b"name"))),
    "two graphs of an attribute": attribute(field(6, field(5, field(9, LARGE))), field(6, field(5, field(9, OTHER)))),
    "two values of a sparse tensor": attribute(field(22, field(1, field(9, LARGE)) + field(1, field(9, OTHER)))),
    "strings in parts": initializer(field(6, LARGE), field(6, b"x"), field(6, OTHER)),
    "nothing after": b"\x3a\x80\x10",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_odd_encodings_are_what_protobuf_makes_of_them(tmp_path: Path, data: bytes) -> None:
    assert spliced(tmp_path / "model.onnx", data) == parsed_and_serialised(data)


def test_an_unknown_field_with_the_number_of_one_that_is_added_hinders_nothing(tmp_path: Path) -> None:
    unknown = (
        varint(5 << 3) + b"\x07" + varint(999 << 3 | 3) + varint(7 << 3 | 3) + varint(7 << 3 | 4) + varint(999 << 3 | 4)
    )
    data = varint(1 << 3) + b"\x0a" + field(7, field(5, field(9, LARGE)) + field(1, field(5, unknown)))
    opened = open_data(tmp_path / "model.onnx", data)
    message, expected = onnx.ModelProto.FromString(opened.skeleton()), onnx.ModelProto.FromString(data)
    for model in (message, expected):
        model.graph.node[0].attribute[0].t.CopyFrom(model.graph.initializer[0])
    assert b"".join(opened.file.blocks(opened.pieces(message))) == expected.SerializeToString()


def nested(depth: int) -> bytes:
    content = field(5, field(9, LARGE))
    for _ in range(depth):
        content = field(1, field(5, field(6, content)))
    return field(7, content)


@pytest.mark.parametrize("depth", [1, 10, 31, 32, 33, 34, 60])
def test_deep_messages_are_read_or_refused_as_by_protobuf(tmp_path: Path, depth: int) -> None:
    assert spliced(tmp_path / "model.onnx", nested(depth)) == parsed_and_serialised(nested(depth))


def test_a_file_of_very_many_fields_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.ModelProto()
    model.graph.initializer.append(tensor())
    model.graph.node.extend(onnx.NodeProto(op_type="A") for _ in range(100))
    monkeypatch.setattr(placeholders, "_MAX_FIELDS", 100)
    assert len(open_data(tmp_path / "model.onnx", model.SerializeToString())) == 0

"""Large values stay in the file until something asks for them, and are copied from file to file."""

from __future__ import annotations

import copy
import gc
import os
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

import hpass
from hpass.graph.files.source_file import SourceFile
from hpass.graph.model import Model
from hpass.graph.strip import strip

WEIGHT = np.random.default_rng(0).standard_normal((64, 64), np.float32)
NODES = (("MatMul", ["x", "m.weight"], "h"), ("Constant", [], "c"), ("Add", ["h", "c"], "y"))


def model() -> onnx.ModelProto:
    nodes = [onnx.helper.make_node(op, given, [made], name=f"/m/{op}") for op, given, made in NODES]
    constant = nodes[1].attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    constant.t.CopyFrom(numpy_helper.from_array(WEIGHT + 1, ""))
    values = [onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, [64, 64]) for name in ("x", "y")]
    weight = numpy_helper.from_array(WEIGHT, "m.weight")
    graph = onnx.helper.make_graph(nodes, "g", values[:1], values[1:], [weight])
    return onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 20)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(model(), path)
    return path


def stripped(path: Path) -> onnx.ModelProto:
    found = onnx.load(path)
    strip(found)
    return found


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of bytes of each read from a model file."""
    found: list[int] = []
    read = SourceFile.read

    def counting(self: SourceFile, start: int, end: int) -> bytes:
        found.append(end - start)
        return read(self, start, end)

    monkeypatch.setattr(SourceFile, "read", counting)
    return found


def test_tagging_reads_no_values(tmp_path: Path, bytes_read: list[int]) -> None:
    large = model()
    for index in range(100):
        large.graph.initializer.append(numpy_helper.from_array(np.full(1 << 15, index, np.float32), f"w{index}"))
    path, out = tmp_path / "model.onnx", tmp_path / "out.onnx"
    onnx.save(large, path)
    hpass.run(path).save(out)
    assert stripped(out) == large
    assert sum(bytes_read) < path.stat().st_size / 5


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Return the path of a model with 20 modules, each with a weight of 256 KB."""
    made = model()
    del made.graph.node[:], made.graph.initializer[:]
    value = "x"
    for index in range(20):
        weight = np.full((1024, 64), index, np.float32)
        made.graph.initializer.append(numpy_helper.from_array(weight, f"m{index}.weight"))
        read, value = [f"m{index}.weight", value], f"h{index}" if index < 19 else "y"
        made.graph.node.append(
            onnx.helper.make_node("Gather", [read[0], "indices"], [f"g{index}"], name=f"/m{index}/Gather")
        )
        made.graph.node.append(onnx.helper.make_node("Mul", [f"g{index}", read[1]], [value], name=f"/m{index}/Mul"))
    made.graph.initializer.append(numpy_helper.from_array(np.arange(64), "indices"))
    path = tmp_path / "wide.onnx"
    onnx.save(made, path)
    return path


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        (hpass.cost, 0),
        (lambda path: hpass.select(path, "m1"), 0),
        # To tell its calls apart, and to have it.
        (lambda path: hpass.extract(path, "m1"), 2),
        (lambda path: hpass.profile(path, runs=1, warmup=1), 0),
    ],
    ids=["cost", "select", "extract", "profile"],
)
def test_commands_read_no_weights_that_they_do_not_need(
    wide: Path, bytes_read: list[int], command: Callable[[Path], object], reads: int
) -> None:
    command(wide)
    assert bytes_read.count(1 << 18) == reads
    assert sum(bytes_read) < wide.stat().st_size / 5


def test_values_are_read_when_they_are_asked_for(path: Path, bytes_read: list[int]) -> None:
    opened = Model.open(path)
    constants = {tensor.name: tensor for node in opened.nodes() for tensor in node.inputs}
    bytes_read.clear()
    np.testing.assert_array_equal(constants["m.weight"].values, WEIGHT)
    assert WEIGHT.nbytes in bytes_read
    constant = next(node for node in opened.nodes() if node.op == "Constant")
    np.testing.assert_array_equal(constant.attrs["value"].values, WEIGHT + 1)


def test_the_message_for_the_caller_is_complete(path: Path, tmp_path: Path) -> None:
    run = hpass.run(path)
    message = run.apply()
    np.testing.assert_array_equal(numpy_helper.to_array(message.graph.initializer[0]), WEIGHT)
    path.unlink()
    run.save(tmp_path / "out.onnx")
    assert onnx.load(tmp_path / "out.onnx") == message


def test_a_copied_constant_has_its_values(path: Path) -> None:
    constant = next(node for node in Model.open(path).nodes() if node.op == "Constant").attrs["value"]
    np.testing.assert_array_equal(copy.deepcopy(constant).values, WEIGHT + 1)


def test_sparse_values_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    made = model()
    values = onnx.helper.make_tensor("s", TensorProto.FLOAT, [500], range(1, 501))
    indices = onnx.helper.make_tensor("", TensorProto.INT64, [500], range(500))
    made.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, indices, [1000]))
    made.graph.node.add(op_type="Identity", input=["s"], output=["z"])
    onnx.save(made, tmp_path / "model.onnx")
    opened = Model.open(tmp_path / "model.onnx")
    assert opened.placeholders is not None
    read = next(tensor for node in opened.nodes() for tensor in node.inputs if tensor.name == "s")
    np.testing.assert_array_equal(read.values, [*range(1, 501), *[0] * 500])


def test_a_file_is_tagged_in_place_again_and_again(path: Path) -> None:
    for _ in range(3):
        hpass.run(path, retag=True).save(path)
        assert stripped(path) == model()


def test_a_file_that_is_replaced_meanwhile_is_written_as_it_was(path: Path, tmp_path: Path) -> None:
    run = hpass.run(path)
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    other.replace(path)
    run.save(tmp_path / "out.onnx")
    assert stripped(tmp_path / "out.onnx") == model()


@pytest.mark.parametrize("size", [0, 100, 10_000])
def test_a_file_that_becomes_shorter_is_refused_in_one_line(path: Path, tmp_path: Path, size: int) -> None:
    run = hpass.run(path)
    os.truncate(path, size)
    for ask in (lambda: run.save(tmp_path / "out.onnx"), lambda: run.model.graph.nodes[0].inputs[1].values, run.apply):
        with pytest.raises(hpass.HpassError, match="changed while it was read; run again") as refusal:
            ask()
        assert "\n" not in str(refusal.value)
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def test_a_file_that_becomes_shorter_while_it_is_opened_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = os.pread

    def shorten(descriptor: int, count: int, position: int) -> bytes:
        os.truncate(path, 100)
        return read(descriptor, count, position)

    monkeypatch.setattr(os, "pread", shorten)
    with pytest.raises(hpass.HpassError, match="changed while it was read; run again"):
        Model.open(path)


def test_a_file_with_other_content_is_refused(path: Path, tmp_path: Path) -> None:
    run = hpass.run(path)
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"other")
    os.utime(path, ns=(0, 0))
    with pytest.raises(hpass.HpassError, match="changed while it was read; run again"):
        run.save(tmp_path / "out.onnx")
    assert [each.name for each in tmp_path.iterdir()] == ["model.onnx"]


def without_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)


def with_a_call_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", fail, raising=False)


def with_a_call_that_copies_little(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = os.copy_file_range
    monkeypatch.setattr(os, "copy_file_range", lambda one, other, count, *at: copy(one, other, min(count, 777), *at))


def without_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "SEEK_DATA", raising=False)


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="the system has no such call")
@pytest.mark.parametrize(
    "change", [without_the_call, with_a_call_that_fails, with_a_call_that_copies_little, without_holes]
)
def test_other_systems_write_the_same(path: Path, tmp_path: Path, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hpass.run(path).save(tmp_path / "expected.onnx")
    change(monkeypatch)
    hpass.run(path).save(tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == (tmp_path / "expected.onnx").read_bytes()


def test_a_system_that_cannot_read_by_position_reads_the_whole_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pread")
    opened = Model.open(path)
    assert opened.placeholders is None
    opened.save(tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes() == path.read_bytes()


def test_a_pipe_is_read_whole(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    opened = Model.open(pipe)
    writer.join()
    assert opened.placeholders is None
    assert opened.proto == model()


def test_a_device_gets_the_whole_model(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    Model.open(path).save(pipe)
    reader.join()
    assert got == [path.read_bytes()]


def test_files_are_closed(path: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("the system does not list the open files of a process")
    gc.collect()
    before = len(list(folder.iterdir()))
    for _ in range(50):
        hpass.run(path)
    gc.collect()
    assert len(list(folder.iterdir())) <= before


def test_models_are_equal_if_their_values_are(path: Path, tmp_path: Path) -> None:
    tagged, other = tmp_path / "tagged.onnx", tmp_path / "other.onnx"
    hpass.run(path).save(tagged)
    assert hpass.validate(tagged, path) == []
    assert hpass.validate(tagged, model()) == []
    for place in ("initializer", "node"):
        changed = model()
        tensor = changed.graph.initializer[0] if place == "initializer" else changed.graph.node[1].attribute[0].t
        tensor.raw_data = tensor.raw_data[:-1] + b"\0"
        onnx.save(changed, other)
        for against in (other, changed):
            (finding,) = hpass.validate(tagged, against)
            assert finding.rule == "not-lossless"
            assert f"graph.{place}" in finding.message
            assert finding.message.endswith("raw_data")


SIZE = 5 << 29
PARTS = 5


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    """Return a model of 2.5 GiB in a sparse file, which takes no room."""
    made = model()
    del made.graph.initializer[:]
    rest = onnx.GraphProto(input=made.graph.input, output=made.graph.output).SerializeToString()
    del made.graph.input[:], made.graph.output[:]
    start = made.graph.SerializeToString()
    path = tmp_path / "large.onnx"
    each = SIZE // PARTS
    tensors = []
    for index in range(PARTS):
        name = "m.weight" if index == 0 else f"w{index}"
        head = TensorProto(name=name, dims=[each], data_type=TensorProto.UINT8).SerializeToString()
        head += b"\x4a" + varint(each)
        tensors.append(b"\x2a" + varint(len(head) + each) + head)
    length = len(start) + len(rest) + sum(map(len, tensors)) + SIZE
    made.ClearField("graph")
    opsets = onnx.ModelProto(opset_import=made.opset_import).SerializeToString()
    with path.open("wb") as file:
        file.write(onnx.ModelProto(ir_version=made.ir_version).SerializeToString() + b"\x3a" + varint(length) + start)
        for head in tensors:
            file.write(head)
            file.seek(each, os.SEEK_CUR)
        file.write(rest + opsets)
    yield path
    path.unlink()


def varint(value: int) -> bytes:
    shifts = range(0, max(1, value.bit_length()), 7)
    return bytes((value >> shift & 0x7F) | (0x80 if shift != shifts[-1] else 0) for shift in shifts)


def test_a_file_of_more_than_two_gigabytes_is_tagged_and_stripped(large: Path, tmp_path: Path) -> None:
    if large.stat().st_blocks * 512 > 1 << 20:
        pytest.skip("the file system has no sparse files")
    out, back = tmp_path / "out.onnx", tmp_path / "back.onnx"
    hpass.run(large).save(out)
    tagged = Model.open(out)
    assert [tagged.stored_tag(node).scope for node in tagged.nodes()] == ["m", "m", "m"]  # type: ignore[union-attr]
    tagged.strip()
    tagged.save(back)
    for one, other in pairwise((large, out, back)):
        assert other.stat().st_blocks <= one.stat().st_blocks + 100
    assert back.stat().st_size == large.stat().st_size
    assert_same_start_and_end(large, back)
    hpass.run(out, retag=True).save(out)
    assert hpass.cost(out).total.parameters == SIZE // PARTS
    findings = [finding for finding in hpass.validate(out, full=True) if finding.rule == "onnx-checker"]
    assert len(findings) == 1
    assert "read no file of 2 GiB or more" in findings[0].message


def assert_same_start_and_end(one: Path, other: Path) -> None:
    """Compare what is around the holes."""
    with one.open("rb") as ours, other.open("rb") as theirs:
        assert ours.read(1 << 16) == theirs.read(1 << 16)
        for position in (*range(SIZE // PARTS, SIZE, SIZE // PARTS), SIZE):
            ours.seek(position)
            theirs.seek(position)
            assert ours.read(1 << 17) == theirs.read(1 << 17)


RAW = numpy_helper.from_array(WEIGHT)
FLOATS = onnx.helper.make_tensor("", TensorProto.FLOAT, WEIGHT.shape, WEIGHT.reshape(-1))
STRINGS = onnx.helper.make_tensor("", TensorProto.STRING, [2], ["a" * 2000, "b"])
SPARSE = onnx.helper.make_sparse_tensor(
    onnx.helper.make_tensor("", TensorProto.FLOAT, [500], range(1, 501)),
    onnx.helper.make_tensor("", TensorProto.INT64, [500], range(500)),
    [1000],
)


@pytest.mark.parametrize("value", [RAW, FLOATS, STRINGS, SPARSE, [RAW, FLOATS]], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("place", ["node", "subgraph", "function", "default of a function"])
def test_the_checker_finds_no_fault_with_values_that_stay_in_the_file(tmp_path: Path, value: Any, place: str) -> None:
    made = with_attribute(value, place)
    onnx.save(made, tmp_path / "model.onnx")
    assert check(tmp_path / "model.onnx") == [] == check(made)


@pytest.mark.parametrize("place", ["node", "subgraph", "function"])
@pytest.mark.parametrize(
    "change",
    [
        {"dims": [64, 65]},
        {"dims": [-64, -64]},
        {"data_type": TensorProto.STRING},
        {"data_type": TensorProto.UNDEFINED},
        {"float_data": [1.0]},
    ],
    ids=str,
)
def test_the_checker_finds_the_fault_of_a_value_that_stays_in_the_file(
    tmp_path: Path, change: dict[str, Any], place: str
) -> None:
    wrong = TensorProto(**{"dims": RAW.dims, "data_type": RAW.data_type, "raw_data": RAW.raw_data, **change})
    made = with_attribute(wrong, place)
    onnx.save(made, tmp_path / "model.onnx")
    (found,) = check(tmp_path / "model.onnx")
    assert [found] == check(made)


def with_attribute(value: Any, place: str) -> onnx.ModelProto:
    """Return a model with an operator of a domain that the checker does not know, and one of its attributes."""
    node = onnx.helper.make_node("Foo", ["x"], ["z"], domain="other", value=value)
    made = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["" : 20, "other": 1, "local": 1]>
        g (float[64, 64] x, bool c) => (float[64, 64] y) { y = local.F (x) }
        <domain: "local", opset_import: ["" : 20, "other": 1]> F (x) => (z) { z = Identity (x) }"""
    )
    body = onnx.GraphProto(name="body", node=[node], output=[onnx.helper.make_tensor_value_info("z", 1, [64, 64])])
    match place:
        case "node":
            made.graph.node.append(node)
        case "subgraph":
            branches = {"then_branch": body, "else_branch": body}
            made.graph.node.append(onnx.helper.make_node("If", ["c"], ["w"], **branches))
        case "function":
            made.functions[0].node[0].CopyFrom(node)
        case _:
            made.functions[0].attribute_proto.append(node.attribute[0])
    return made


def check(source: Path | onnx.ModelProto) -> list[str]:
    found = hpass.run(source).context.findings
    return [finding.message for finding in found if finding.rule == "onnx-checker"]

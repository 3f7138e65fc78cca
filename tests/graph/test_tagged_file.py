"""What is read of a tagged file without onnx is what the complete reader gives, or is left to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import onnx
import pytest

import hpass
from benchmarks.attack.odd_encodings import encode_oddly
from benchmarks.attack.wire_mutations import mutate_fields
from hpass import HpassError, Model
from hpass.graph.files.skipped_fields import MESSAGES, NUMBERS
from hpass.graph.tagged_file import TaggedFile

FIXTURES = Path(__file__).parents[2] / "fixtures"

NESTED = """<ir_version: 10, opset_import: ["" : 17, "f" : 1]>
g (float[2] x, bool c) => (float[2] y, float[2] z) {
  ["/a/If"] y = If <then_branch = t () => (float[2] t0) {
    ["/a/b/If"] t0 = If (c) <then_branch = u () => (float[2] u0) { ["/a/b/Relu"] u0 = Relu(x) },
                             else_branch = v () => (float[2] v0) { v0 = f.Twice(x) }>
  }, else_branch = e () => (float[2] e0) { e0 = Neg(x) }> (c)
  z = f.Twice(y)
}
<domain: "f", opset_import: ["" : 17]> Twice (a) => (b) { h = Add(a, a)  b = Relu(h) }
"""


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.onnx")), ids=lambda path: path.stem)
def test_every_fixture_is_read_as_the_complete_reader_does(path: Path, tmp_path: Path) -> None:
    saved = save(hpass.run(path), tmp_path / path.name)

    assert facts(opened(saved)) == facts(Model.open(saved))


def test_subgraphs_and_functions_are_read(tmp_path: Path) -> None:
    saved = save(hpass.run(onnx.parser.parse_model(NESTED)), tmp_path / "nested.onnx")

    assert facts(opened(saved)) == facts(Model.open(saved))
    assert [at for at, _ in opened(saved).nodes_with_position()] == [
        "#0",
        "#1",
        "#0/then_branch#0",
        "#0/then_branch#0/then_branch#0",
        "#0/then_branch#0/else_branch#0",
        "#0/else_branch#0",
        "f::Twice#0",
        "f::Twice#1",
    ]


def test_a_file_without_tags_is_left_to_the_complete_reader() -> None:
    assert TaggedFile.open(FIXTURES / "simple_cnn.onnx") is None
    assert TaggedFile.open(FIXTURES / "missing.onnx") is None
    assert TaggedFile.open(Path("-")) is None


def test_external_data_that_is_missing_is_an_error(tmp_path: Path) -> None:
    saved = save(hpass.run(FIXTURES / "external_data.onnx"), tmp_path / "model.onnx")
    (tmp_path / "external_data.bin").unlink()

    with pytest.raises(HpassError) as complete:
        Model.open(saved)
    with pytest.raises(HpassError, match="is missing in") as error:
        TaggedFile.open(saved)
    assert str(error.value) == str(complete.value)


def test_an_unusual_file_is_left_to_the_complete_reader(tmp_path: Path) -> None:
    def make_latin(proto: onnx.ModelProto) -> bytes:
        return proto.SerializeToString().replace(b"node_relu", b"node_rel\xff")

    def repeat_the_graph(proto: onnx.ModelProto) -> bytes:
        return proto.SerializeToString() + onnx.ModelProto(graph=onnx.GraphProto(name="more")).SerializeToString()

    def add_training(proto: onnx.ModelProto) -> bytes:
        proto.training_info.add()
        return proto.SerializeToString()

    def cut(proto: onnx.ModelProto) -> bytes:
        return proto.SerializeToString()[:-1]

    changes: list[Callable[[onnx.ModelProto], bytes]] = [make_latin, repeat_the_graph, add_training, cut]
    for change in changes:
        run = hpass.run(FIXTURES / "simple_cnn.onnx")
        saved = save(run, tmp_path / "model.onnx")
        saved.write_bytes(change(onnx.load(saved)))
        assert TaggedFile.open(saved) is None, change.__name__


def test_what_protobuf_reads_of_a_changed_file_is_what_is_read(tmp_path: Path) -> None:
    random = Random(0)  # noqa: S311
    data = save(hpass.run(onnx.parser.parse_model(NESTED)), tmp_path / "nested.onnx").read_bytes()
    read = 0
    for index in range(150):
        path = tmp_path / f"{index}.onnx"
        path.write_bytes(mutate_fields(random, encode_oddly(random, data) if index % 2 else data))
        try:
            expected = facts(Model.open(path))
            found = TaggedFile.open(path)
            assert found is None or facts(found) == expected, index
            read += found is not None
        except HpassError:
            continue
    assert read > 20


def test_a_file_that_protobuf_refuses_is_refused(tmp_path: Path) -> None:
    random = Random(0)  # noqa: S311
    data = save(hpass.run(onnx.parser.parse_model(NESTED)), tmp_path / "nested.onnx").read_bytes()
    path = tmp_path / "mutant.onnx"
    refused = read = 0
    for index in range(1500):
        mutant = mutate_fields(random, encode_oddly(random, data) if index % 2 else data)
        path.write_bytes(mutant)
        with contextlib.suppress(HpassError):
            if TaggedFile.open(path) is None:
                refused += 1
            else:
                onnx.ModelProto.FromString(mutant)
                read += 1
    assert min(refused, read) > 200


def test_every_field_with_messages_or_numbers_is_read_or_checked() -> None:
    read = {
        "ModelProto": {7, 14, 20, 25},
        "GraphProto": {1, 5, 15},
        "FunctionProto": {7, 11},
        "NodeProto": {5, 9},
        "AttributeProto": {5, 6, 10, 11, 22, 23},
        "TensorProto": {13},
        "SparseTensorProto": {1, 2},
    }
    types = message_types(onnx.ModelProto.DESCRIPTOR)
    # Any training information is left to the complete reader.
    del types["TrainingInfoProto"]

    assert {name: messages for name, (messages, _) in types.items() if messages} == {
        name: {number: types[name][0][number] for number in read.get(name, ())} | dict(MESSAGES.get(name, {}))
        for name in read.keys() | MESSAGES
    }
    assert {name: numbers for name, (_, numbers) in types.items() if numbers} == NUMBERS


def message_types(root: Any) -> dict[str, tuple[dict[int, str], dict[int, int]]]:
    """Return the fields of each type of message: the types of messages and the bytes of repeated numbers, by number."""
    found: dict[str, tuple[dict[int, str], dict[int, int]]] = {}
    pending = [root]
    while pending:
        message = pending.pop()
        if name(message) not in found:
            inner = {field.number: field.message_type for field in message.fields if field.message_type is not None}
            numbers = {
                field.number: {field.TYPE_FLOAT: 4, field.TYPE_DOUBLE: 8}.get(field.type, 0)
                for field in message.fields
                if field.default_value == []
                and field.type not in {field.TYPE_MESSAGE, field.TYPE_STRING, field.TYPE_BYTES}
            }
            found[name(message)] = {number: name(each) for number, each in inner.items()}, numbers
            pending += inner.values()
    return found


def name(message: Any) -> str:
    return message.full_name.removeprefix("onnx.")


def save(run: hpass.Run, path: Path) -> Path:
    run.save(path)
    return path


def opened(path: Path) -> TaggedFile:
    found = TaggedFile.open(path)
    assert found is not None
    return found


def facts(model: Model | TaggedFile) -> dict[str, Any]:
    source: Any = model
    modules = model.stored_modules()
    return {
        "name": model.name,
        "folder": model.folder,
        "locations": model.locations,
        "modules": None if modules is None else modules.dumps(),
        "nodes": [(at, *_node_facts(source, node)) for at, node in source.nodes_with_position()],
        "all": [node.name for node in source.nodes()],
        "main": [node.name for node in source.main_nodes()],
        "functions": [(key, [node.name for node in nodes]) for key, nodes in source.function_regions()],
    }


def _node_facts(model: Any, node: Any) -> Iterator[object]:
    yield from (node.name, node.op, node.domain or "", model.call_key(node))
    yield from ([value.name for value in node.inputs], [value.name for value in node.outputs])
    yield from (model.stored_entries(node), model.stored_tag(node))

"""Real models come back as they went in, plus tags."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest

import hpass
from hpass.graph.files import chunked_serialize
from hpass.graph.files.model_file import external_files
from hpass.graph.strip import strip
from hpass.graph.verify.runtime import ComparisonOutcome, compare
from hpass.graph.walk import all_nodes
from hpass.tags import tag_format


@dataclass(frozen=True)
class Tagged:
    """A file, the file that a run over it wrote in another folder, and a digest of its external data before."""

    source: Path
    target: Path
    data: dict[str, str]

    def read(self) -> tuple[onnx.ModelProto, onnx.ModelProto]:
        return read(self.source), read(self.target)


def read(path: Path) -> onnx.ModelProto:
    return onnx.ModelProto.FromString(path.read_bytes())


def stripped(path: Path) -> onnx.ModelProto:
    model = read(path)
    strip(model)
    return model


def digests(path: Path) -> dict[str, str]:
    return {
        location: hashlib.sha256((path.parent / location).read_bytes()).hexdigest()
        for location in external_files(read(path))
    }


@pytest.fixture(scope="module")
def tagged(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Tagged:
    try:
        hpass.load(model_file)
    except hpass.HpassError:
        pytest.skip("it is no model, or lacks its external data")
    data = digests(model_file)
    target = tmp_path_factory.mktemp("tagged") / model_file.name
    run = hpass.run(model_file)
    assert run.ok, run.findings
    run.save(target)
    return Tagged(model_file, target, data)


def holds_a_model(path: Path) -> bool:
    try:
        return onnx.load(path).HasField("graph")
    except Exception:  # noqa: BLE001 - onnx raises whatever it happens upon
        return False


def test_a_file_is_refused_in_one_line_and_only_if_it_holds_no_model(model_file: Path) -> None:
    if holds_a_model(model_file):
        hpass.load(model_file)
        return
    with pytest.raises(hpass.HpassError) as refusal:
        hpass.load(model_file)
    assert str(refusal.value).startswith(f"{model_file}: ")
    assert "\n" not in str(refusal.value)


def test_stripping_the_output_gives_the_input(tagged: Tagged) -> None:
    before, after = stripped(tagged.source), stripped(tagged.target)
    assert after == before
    data = tagged.source.read_bytes()
    if before.SerializeToString() == data:
        assert after.SerializeToString() == data


def test_the_bytes_in_pieces_are_those_of_protobuf(tagged: Tagged, monkeypatch: pytest.MonkeyPatch) -> None:
    model = read(tagged.target)
    monkeypatch.setattr(chunked_serialize, "_MIN_CHUNKED_ELEMENTS", 0)
    assert b"".join(chunked_serialize.chunks(model)) == model.SerializeToString()


def test_strip_is_the_inverse(tagged: Tagged) -> None:
    assert hpass.strip(tagged.target).proto == hpass.strip(tagged.source).proto


def test_nodes_keep_their_order(tagged: Tagged) -> None:
    before, after = (
        [(node.op_type, node.name, list(node.input), list(node.output)) for node in all_nodes(model)]
        for model in tagged.read()
    )
    assert after == before


def test_every_node_has_a_tag_in_subgraphs_and_function_bodies_too(tagged: Tagged) -> None:
    model = read(tagged.target)
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    table = hpass.ModuleTable.loads(metadata[tag_format.MODULES], "the output")
    for node in all_nodes(model):
        tag = tag_format.read_tag(node)
        assert tag is not None
        found = {prop.key: prop.value for prop in node.metadata_props}
        assert found[tag_format.TAG] == table.path(tag.target)
        assert found[tag_format.TAG].startswith("/")
        assert tag.source in list(tag_format.Source)


def test_a_second_run_changes_nothing(tagged: Tagged, tmp_path: Path) -> None:
    again = tmp_path / tagged.target.name
    hpass.run(tagged.target).save(again)
    assert again.read_bytes() == tagged.target.read_bytes()


def test_onnxruntime_gives_the_same_bits(tagged: Tagged) -> None:
    result = compare(tagged.source, tagged.target, seconds=30)
    assert result.ok, result
    if result.outcome is not ComparisonOutcome.IDENTICAL:
        pytest.skip(str(result))


def test_external_data_is_untouched_and_goes_along(tagged: Tagged) -> None:
    assert digests(tagged.source) == tagged.data
    assert digests(tagged.target) == tagged.data

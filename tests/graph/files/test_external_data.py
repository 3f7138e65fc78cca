"""External data goes along with the model, is never parsed, and nothing else is overwritten by it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import onnx
import onnx.parser
import pytest
from skips import posix_only

import hpass
from hpass.graph.files.external_data import ExternalDataMode
from hpass.graph.files.transaction import Transaction

DATA = bytes(range(200)) * 20


def save(folder: Path, location: str = "data.bin", data: bytes | None = DATA) -> Path:
    """Write a model with its data at a location, which may lie anywhere."""
    folder.mkdir(exist_ok=True)
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[1000] x) => (float[1000] y) { y = Add(x, w) }'
    model = onnx.parser.parse_model(text)
    weight = model.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1000])
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    if data is not None:
        (folder / location).parent.mkdir(parents=True, exist_ok=True)
        (folder / location).write_bytes(data)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save(tmp_path / "in")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "model.onnx"


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def refusal(path: Path) -> str:
    with pytest.raises(hpass.HpassError) as caught:
        hpass.load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_missing_data_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "in", data=None)
    assert "its external data 'data.bin' is missing" in refusal(path)


@pytest.mark.parametrize("location", ["../data.bin", "sub/../../data.bin", "", ".", "sub/.."])
def test_data_outside_the_folder_is_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "data.bin").write_bytes(DATA)
    (tmp_path / "in" / "sub").mkdir(parents=True)
    path = save(tmp_path / "in", location, data=None)
    assert "is outside the model's folder" in refusal(path)


def test_data_at_an_absolute_path_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "in" / "data.bin"
    path = save(tmp_path / "in", str(inside), data=None)
    inside.write_bytes(DATA)
    assert "is outside the model's folder" in refusal(path)


def test_data_behind_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(DATA)
    path = save(tmp_path / "in", data=None)
    (tmp_path / "in" / "data.bin").symlink_to(tmp_path / "data.bin")
    assert "is outside the model's folder" in refusal(path)


def test_data_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "in", data=None)
    (tmp_path / "in" / "data.bin").mkdir()
    assert "is missing" in refusal(path)


def test_data_is_named_by_a_tensor_anywhere(tmp_path: Path) -> None:
    path = save(tmp_path / "in")
    model = onnx.load(path, load_external_data=False)
    weight = model.graph.initializer.pop()
    held = onnx.helper.make_node("Constant", [], ["w"], value=weight)
    branch = onnx.helper.make_graph([held], "b", [], [onnx.helper.make_empty_tensor_value_info("w")])
    model.graph.node.append(onnx.helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch))
    path.write_bytes(model.SerializeToString())
    (tmp_path / "in" / "data.bin").unlink()
    assert "its external data 'data.bin' is missing" in refusal(path)


def test_data_beside_the_model_stays_where_it_is(source: Path) -> None:
    before = source.with_name("data.bin").stat()
    hpass.run(source).save(source.with_name("tagged.onnx"))
    hpass.run(source).save(source)
    assert source.with_name("data.bin").stat() == before
    assert sorted(path.name for path in source.parent.iterdir()) == ["data.bin", "model.onnx", "tagged.onnx"]


def test_data_is_copied_into_another_folder(source: Path, target: Path) -> None:
    hpass.run(source).save(target)
    copy = target.with_name("data.bin")
    assert copy.read_bytes() == DATA
    assert not copy.is_symlink()
    assert onnx.load(target).graph.initializer[0].raw_data == DATA


def test_data_in_a_folder_below_the_model_keeps_its_place(tmp_path: Path, target: Path) -> None:
    source = save(tmp_path / "in", "weights/part 1/data.bin")
    hpass.run(source).save(target)
    assert (target.parent / "weights" / "part 1" / "data.bin").read_bytes() == DATA


def test_data_is_linked_on_request(source: Path, target: Path) -> None:
    hpass.run(source).save(target, ExternalDataMode.LINK)
    link = target.with_name("data.bin")
    assert link.is_symlink()
    assert link.resolve() == source.with_name("data.bin").resolve()


@pytest.mark.parametrize("first", list(ExternalDataMode))
@pytest.mark.parametrize("second", list(ExternalDataMode))
def test_a_repeated_run_is_accepted(
    source: Path, target: Path, first: ExternalDataMode, second: ExternalDataMode
) -> None:
    hpass.run(source).save(target, first)
    hpass.run(source).save(target, second)
    assert target.with_name("data.bin").read_bytes() == DATA
    assert source.with_name("data.bin").read_bytes() == DATA
    assert sorted(path.name for path in target.parent.iterdir()) == ["data.bin", "model.onnx"]


@pytest.mark.parametrize("how", list(ExternalDataMode))
def test_data_of_another_model_is_not_overwritten(source: Path, target: Path, how: ExternalDataMode) -> None:
    target.with_name("data.bin").write_bytes(b"precious")
    with pytest.raises(hpass.HpassError, match="is the name of the model's external data") as caught:
        hpass.run(source).save(target, how)
    assert "\n" not in str(caught.value)
    assert target.with_name("data.bin").read_bytes() == b"precious"
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]


@pytest.mark.parametrize("how", list(ExternalDataMode))
def test_data_of_the_same_size_and_time_is_not_the_same(source: Path, target: Path, how: ExternalDataMode) -> None:
    """Archives, images and build systems give all files the same time."""
    other = target.with_name("data.bin")
    other.write_bytes(DATA[::-1])
    for path in (other, source.with_name("data.bin")):
        os.utime(path, (1, 1))
    with pytest.raises(hpass.HpassError, match="is the name of the model's external data"):
        hpass.run(source).save(target, how)
    assert content(target.parent) == {"data.bin": DATA[::-1]}


def test_two_models_at_once_do_not_share_data_that_differs(tmp_path: Path, source: Path, target: Path) -> None:
    """Neither sees the other's data when it looks; who comes second must not take it for its own."""
    other = save(tmp_path / "other", data=DATA[::-1])

    def write_both() -> None:
        with Transaction(target) as transaction:
            hpass.load(source).write(transaction, target)
            hpass.load(other).save(target.with_name("other.onnx"))

    with pytest.raises(hpass.HpassError, match=r"data\.bin: cannot be written \(File exists\)"):
        write_both()
    assert sorted(content(target.parent)) == ["data.bin", "other.onnx"]
    assert target.with_name("data.bin").read_bytes() == DATA[::-1]


def test_two_models_at_once_share_data_that_is_the_same(source: Path, target: Path) -> None:
    with Transaction(target) as transaction:
        hpass.load(source).write(transaction, target)
        hpass.load(source).save(target.with_name("other.onnx"))
    for name in ("model.onnx", "other.onnx"):
        assert onnx.load(target.with_name(name)).graph.initializer[0].raw_data == DATA


def test_data_that_changes_after_it_was_found_to_be_the_same_is_refused(source: Path, target: Path) -> None:
    hpass.load(source).save(target)
    before = content(target.parent)

    def write_while_another_run_replaces_the_data() -> None:
        with Transaction(target) as transaction:
            hpass.load(source).write(transaction, target)
            target.with_name("data.bin").write_bytes(DATA[::-1])

    with pytest.raises(hpass.HpassError, match=r"data\.bin: changed while the model was written; run again"):
        write_while_another_run_replaces_the_data()
    assert content(target.parent) == before | {"data.bin": DATA[::-1]}


def test_a_hole_in_the_data_stays_one(source: Path, target: Path) -> None:
    with source.with_name("data.bin").open("r+b") as file:
        file.truncate(1 << 40)
    hpass.run(source).save(target)
    assert target.with_name("data.bin").stat().st_size == 1 << 40
    assert target.with_name("data.bin").stat().st_blocks < 1 << 10
    # It is not read either, when it is compared.
    hpass.run(source).save(target)


def test_data_in_a_hidden_folder_goes_along_but_is_not_replaced(tmp_path: Path, target: Path) -> None:
    """No journal may touch a hidden folder, so nothing there can be replaced in one step with the model."""
    source = save(tmp_path / "in", ".weights/data.bin")
    hpass.run(source).save(target)
    assert (target.parent / ".weights" / "data.bin").read_bytes() == DATA
    hpass.run(source).save(target)
    source.with_name(".weights").joinpath("data.bin").write_bytes(DATA[::-1])
    with pytest.raises(hpass.HpassError, match="is the name of the model's external data"):
        hpass.run(source).save(target)
    assert (target.parent / ".weights" / "data.bin").read_bytes() == DATA


def test_names_that_lead_to_the_same_file_are_one(tmp_path: Path, target: Path) -> None:
    source = save(tmp_path / "in")
    model = onnx.load(source, load_external_data=False)
    for number, location in enumerate(("./data.bin", "below/../data.bin")):
        model.graph.initializer.add().CopyFrom(model.graph.initializer[0])
        model.graph.initializer[-1].name = f"w{number}"
        model.graph.initializer[-1].external_data[0].value = location
    source.write_bytes(model.SerializeToString())
    (tmp_path / "in" / "below").mkdir()
    (target.parent / "below").mkdir()
    hpass.run(source).save(target)
    assert target.with_name("data.bin").read_bytes() == DATA


@pytest.mark.parametrize("how", list(ExternalDataMode))
def test_data_of_the_model_that_is_replaced_is_replaced(tmp_path: Path, source: Path, how: ExternalDataMode) -> None:
    old = save(tmp_path / "out", data=b"old")
    hpass.run(source).save(old, how)
    assert old.with_name("data.bin").read_bytes() == DATA


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path, source: Path) -> None:
    old = save(tmp_path / "out", data=None)
    (tmp_path / "precious").write_bytes(b"precious")
    old.with_name("data.bin").symlink_to(tmp_path / "precious")
    hpass.run(source).save(old)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert old.with_name("data.bin").read_bytes() == DATA
    assert not old.with_name("data.bin").is_symlink()


def test_if_one_of_several_is_in_the_way_none_is_copied(tmp_path: Path, target: Path) -> None:
    source = save(tmp_path / "in")
    model = onnx.load(source, load_external_data=False)
    other = model.graph.initializer.add()
    other.CopyFrom(model.graph.initializer[0])
    other.name, other.external_data[0].value = "v", "other.bin"
    source.write_bytes(model.SerializeToString())
    source.with_name("other.bin").write_bytes(DATA)
    target.with_name("other.bin").write_bytes(b"precious")
    with pytest.raises(hpass.HpassError):
        hpass.run(source).save(target)
    assert [path.name for path in target.parent.iterdir()] == ["other.bin"]


def test_a_copy_can_be_read_and_written_where_the_original_cannot(source: Path, target: Path) -> None:
    source.with_name("data.bin").chmod(0o444)
    hpass.run(source).save(target)
    assert target.with_name("data.bin").stat().st_mode & stat.S_IWUSR


@pytest.mark.parametrize("data", [None, b"old"])
def test_data_goes_beside_a_link_and_beside_what_it_leads_to(tmp_path: Path, source: Path, data: bytes | None) -> None:
    # onnx and onnxruntime look beside the path that they are given, and refuse data that is itself a link.
    leads_to = save(tmp_path / "real", data=data)
    link = tmp_path / "links" / "model.onnx"
    link.parent.mkdir()
    link.symlink_to(leads_to)
    hpass.run(source).save(link)
    assert link.is_symlink()
    for path in (link, leads_to):
        assert onnx.load(path).graph.initializer[0].raw_data == DATA
        assert hpass.load(path).stored_version is not None


def test_data_beside_a_link_is_not_replaced_apart_from_the_model(tmp_path: Path, source: Path) -> None:
    leads_to = save(tmp_path / "real", data=b"old")
    link = tmp_path / "links" / "model.onnx"
    link.parent.mkdir()
    link.symlink_to(leads_to)
    link.with_name("data.bin").write_bytes(b"old")
    before = content(tmp_path)
    with pytest.raises(hpass.HpassError, match=r"links/data\.bin: exists, but is the name"):
        hpass.run(source).save(link)
    assert content(tmp_path) == before


def test_data_in_the_way_beside_a_link_keeps_all_from_being_written(tmp_path: Path, source: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "links" / "model.onnx"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "real" / "model.onnx")
    link.with_name("data.bin").write_bytes(b"precious")
    with pytest.raises(hpass.HpassError, match=r"links/data\.bin: exists, but is the name"):
        hpass.run(source).save(link)
    assert list((tmp_path / "real").iterdir()) == []
    assert link.with_name("data.bin").read_bytes() == b"precious"


def test_data_is_never_read_for_tagging(tmp_path: Path, target: Path) -> None:
    source = save(tmp_path / "in", data=b"")
    data = source.with_name("data.bin")
    with data.open("r+b") as file:
        # Larger than any memory: a sparse file takes no room.
        file.truncate(1 << 40)
    hpass.run(source).save(target, ExternalDataMode.LINK)
    assert target.with_name("data.bin").samefile(data)


@posix_only
def test_no_data_goes_beside_a_pipe(tmp_path: Path, source: Path) -> None:
    pipe = tmp_path / "out" / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    reader = threading.Thread(target=pipe.read_bytes)
    reader.start()
    hpass.run(source).save(pipe)
    reader.join()
    assert [path.name for path in pipe.parent.iterdir()] == ["pipe"]

"""`hpass run` on an S3 server of this machine: whole models with their data, or nothing."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import external_data_helper

pytest.importorskip("upath")
pytest.importorskip("s3fs")
fsspec = pytest.importorskip("fsspec")
moto_server = pytest.importorskip("moto.server")

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    """Return the address of a server."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def storage(address: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """Return the file system of a server that has the buckets `models` and `out`, both empty."""
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    storage = fsspec.filesystem("s3")
    for bucket in ("models", "out"):
        storage.mkdir(bucket)
    yield storage
    for bucket in ("models", "out"):
        storage.rm(bucket, recursive=True)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def _put_model_with_data(storage: Any, path: str, folder: Path) -> None:
    """Send a model whose weights lie in `data/weights.bin` beside it."""
    proto = onnx.load(FIXTURES / "simple_cnn.onnx")
    (folder / "data").mkdir(parents=True)
    external_data_helper.convert_model_to_external_data(proto, location="data/weights.bin", size_threshold=0)
    onnx.save(proto, folder / "model.onnx")
    storage.put_file(str(folder / "model.onnx"), path)
    storage.put_file(str(folder / "data" / "weights.bin"), f"{path.rpartition('/')[0]}/data/weights.bin")


def _names(storage: Any, bucket: str) -> list[str]:
    storage.invalidate_cache()
    return [path.removeprefix(f"{bucket}/") for path in storage.find(bucket)]


@pytest.mark.parametrize("inputs", ["s3://models/**/*.onnx", "s3://models/", "s3://models"])
def test_models_go_from_one_bucket_to_another(hpass: Any, storage: Any, inputs: str, tmp_path: Path) -> None:
    storage.put_file(str(FIXTURES / "hybrid.onnx"), "models/a/hybrid.onnx")
    _put_model_with_data(storage, "models/b/c/model.onnx", tmp_path / "made")

    result = hpass("run", inputs, "-o", "s3://out/")

    assert (result.status, result.err) == (0, "")
    assert _names(storage, "out") == ["a/hybrid.tagged.onnx", "b/c/data/weights.bin", "b/c/model.tagged.onnx"]
    storage.get("out/b/c", str(tmp_path / "back"), recursive=True)
    validated = hpass("validate", tmp_path / "back" / "model.tagged.onnx", "--against", tmp_path / "made/model.onnx")
    assert validated.status == 0


def test_a_model_comes_here_and_goes_there(hpass: Any, storage: Any, tmp_path: Path) -> None:
    _put_model_with_data(storage, "models/model.onnx", tmp_path / "made")

    assert hpass("run", "s3://models/model.onnx", "-o", tmp_path / "here.onnx").status == 0
    assert (tmp_path / "data" / "weights.bin").read_bytes() == (tmp_path / "made/data/weights.bin").read_bytes()
    assert hpass("run", tmp_path / "here.onnx", "-o", "s3://out/there.onnx").status == 0

    assert _names(storage, "out") == ["data/weights.bin", "there.onnx"]


def test_the_default_output_is_beside_the_input(hpass: Any, storage: Any) -> None:
    storage.put_file(str(FIXTURES / "hybrid.onnx"), "models/hybrid.onnx")

    result = hpass("run", "s3://models/hybrid.onnx", "--json")

    report = json.loads(result.out)
    assert (report["input"], report["output"]) == ("s3://models/hybrid.onnx", "s3://models/hybrid.tagged.onnx")
    assert _names(storage, "models") == ["hybrid.onnx", "hybrid.tagged.onnx"]


def test_in_place(hpass: Any, storage: Any, tmp_path: Path) -> None:
    _put_model_with_data(storage, "models/model.onnx", tmp_path)

    assert hpass("run", "s3://models/model.onnx", "--in-place").status == 0

    assert _names(storage, "models") == ["data/weights.bin", "model.onnx"]
    assert b"hpass.scope" in storage.cat_file("models/model.onnx")


def test_a_manifest_knows_what_changed_there(
    hpass: Any, storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("simple_cnn", "hybrid", "functions"):
        storage.put_file(str(FIXTURES / f"{name}.onnx"), f"models/{name}.onnx")
    line = ["run", "s3://models/*.onnx", "-o", "s3://out/x/", "--manifest", "m.jsonl"]

    assert hpass(*line).status == 0
    assert hpass(*line).err == "3 of 3 models are done according to m.jsonl\n"
    storage.put_file(str(FIXTURES / "bert_tiny.onnx"), "models/hybrid.onnx")
    storage.rm_file("out/x/functions.tagged.onnx")
    assert hpass(*line).err == "1 of 3 models are done according to m.jsonl\n"


@pytest.mark.parametrize("line", [["-o", "s3://out/"], ["--in-place"]])
def test_a_manifest_takes_few_requests(
    hpass: Any, storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    for number in range(5):
        storage.put_file(str(FIXTURES / "functions.onnx"), f"models/{number % 2}/{number}.onnx")
    asked: list[str] = []
    ask = storage.info
    monkeypatch.setattr(storage, "info", lambda path: asked.append(path) or ask(path))
    command = ["run", "s3://models/", "--manifest", tmp_path / "m.jsonl", *line]
    assert hpass(*command).status == 0
    asked.clear()

    assert hpass(*command).err == f"5 of 5 models are done according to {tmp_path / 'm.jsonl'}\n"

    assert [path for path in asked if path.endswith(".onnx")] == []


def test_a_manifest_of_models_in_two_buckets(hpass: Any, storage: Any, tmp_path: Path) -> None:
    for path in ("models/a.onnx", "models/b.onnx", "out/c.onnx", "out/d.onnx"):
        storage.put_file(str(FIXTURES / "functions.onnx"), path)
    command = ["run", "s3://models/", "s3://out/", "--manifest", tmp_path / "m.jsonl"]
    assert hpass(*command).status == 0
    storage.put_file(str(FIXTURES / "simple_cnn.onnx"), "models/a.onnx")
    storage.rm_file("out/d.tagged.onnx")

    assert hpass(*command).err.startswith("2 of 4 models are done")


def test_a_bucket_that_cannot_be_listed(
    hpass: Any, storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    for name in ("a", "b"):
        storage.put_file(str(FIXTURES / "functions.onnx"), f"models/{name}.onnx")
    monkeypatch.setattr(storage, "find", refuse)
    command = ["run", "s3://models/a.onnx", "s3://models/b.onnx", "--manifest", tmp_path / "m.jsonl"]
    assert hpass(*command).status == 0

    assert hpass(*command).err.startswith("2 of 2 models are done")


def test_other_data_is_never_replaced(hpass: Any, storage: Any, tmp_path: Path) -> None:
    _put_model_with_data(storage, "models/model.onnx", tmp_path)
    storage.pipe_file("out/data/weights.bin", b"of somebody else")

    result = hpass("run", "s3://models/model.onnx", "-o", "s3://out/")

    assert result.status == 1
    assert result.err.startswith("hpass: s3://out/data/weights.bin: exists, but is the name of the model's external")
    assert _names(storage, "out") == ["data/weights.bin"]
    assert storage.cat_file("out/data/weights.bin") == b"of somebody else"


def test_data_of_the_model_that_is_replaced_is_replaced_with_it(hpass: Any, storage: Any, tmp_path: Path) -> None:
    _put_model_with_data(storage, "models/model.onnx", tmp_path)
    line = ["run", "s3://models/model.onnx", "-o", "s3://out/"]
    assert hpass(*line).status == 0
    storage.pipe_file("out/data/weights.bin", b"older")

    assert hpass(*line).status == 0

    assert storage.cat_file("out/data/weights.bin") == (tmp_path / "data" / "weights.bin").read_bytes()


@pytest.mark.parametrize("failing", ["model.tagged.onnx", "data/weights.bin"])
def test_what_cannot_be_sent_whole_is_not_there(
    hpass: Any, storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    _put_model_with_data(storage, "models/model.onnx", tmp_path)
    send = storage.put_file

    def fail(path: str, target: str) -> None:
        if target.endswith(failing):
            raise OSError("the line is cut")
        send(path, target)

    monkeypatch.setattr(storage, "put_file", fail)

    result = hpass("run", "s3://models/model.onnx", "-o", "s3://out/")

    assert result.status == 1
    assert result.err == f"hpass: s3://out/{failing}: cannot be written (the line is cut)\n"
    assert _names(storage, "out") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("s3://nowhere/x.onnx", "s3://nowhere/x.onnx: cannot be read (The specified bucket does not exist)"),
        ("s3://nowhere/", "s3://nowhere/: cannot be listed (The specified bucket does not exist)"),
        ("s3://models/x.onnx", "s3://models/x.onnx: cannot be read (The specified key does not exist.)"),
        ("s3://models/x/", "s3://models/x/: there is no .onnx file in the folder"),
        ("s3://models/x/*.onnx", "s3://models/x/*.onnx: no file matches"),
        ("s3://models/bad.onnx", "s3://models/bad.onnx: not an ONNX model, or truncated (8 bytes do not parse)"),
        ("s3://models/lost.onnx", "its external data 'external_data.bin' is missing in s3://models; copy it there"),
        ("s3://models/bad.onnx -o s3://nowhere/", "s3://nowhere/: there is no bucket 'nowhere'; create it first"),
        ("s3://models/bad.onnx -o s3://models/bad.onnx", "is the input itself; add --in-place to overwrite it"),
        ("s3://models/bad.onnx s3://models/bad.onnx", "the output of s3://models/bad.onnx would overwrite"),
        ("gs://models/x.onnx", "gs://models/x.onnx: the packages for such addresses are missing"),
    ],
)
def test_a_mistake_is_one_line(hpass: Any, storage: Any, line: str, said: str) -> None:
    storage.pipe_file("models/bad.onnx", b"nonsense")
    storage.put_file(str(FIXTURES / "external_data.onnx"), "models/lost.onnx")

    result = hpass("run", *line.split())

    assert result.status in {1, 2}
    assert said in result.err
    assert len(result.err.splitlines()) == 1
    assert _names(storage, "models") == ["bad.onnx", "lost.onnx"]


def test_without_credentials_or_a_server(
    hpass: Any, storage: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    type(storage).clear_instance_cache()

    result = hpass("run", "s3://models/x.onnx")

    assert result.status == 1
    assert "Unable to locate credentials; set them as the provider documents" in result.err
    assert len(result.err.splitlines()) == 1


def test_a_temporary_folder_does_not_stay(
    hpass: Any, storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    storage.pipe_file("models/bad.onnx", b"nonsense")
    storage.put_file(str(FIXTURES / "hybrid.onnx"), "models/hybrid.onnx")

    hpass("run", "s3://models/*.onnx", "-o", "s3://out/")

    assert list(tmp_path.iterdir()) == []

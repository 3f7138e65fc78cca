"""Files that somebody made to break hpass, or that a fuzzer found: each is tagged, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hostile_files import DEEP, FILES, NO_TEXT, SURROGATE, names, on_the_wire
from hostile_models import model, node
from onnx import ModelProto, TensorProto

import hpass
from hpass.graph.files.model_file import parse
from hpass.graph.strip import strip
from hpass.observers import observe


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_a_hostile_file_is_tagged_without_loss(make: Callable[[], ModelProto]) -> None:
    original = parse(on_the_wire(make()), "hostile")

    first = hpass.run(original, observer=observe(hpass.Pipeline.parse("all"), verify=True))
    tagged = parse(first.apply().SerializeToString(), "tagged")

    assert first.ok
    assert not [finding for finding in hpass.validate(tagged) if finding.severity is hpass.Severity.ERROR]
    assert hpass.run(tagged).apply().SerializeToString() == tagged.SerializeToString()
    strip(tagged)
    strip(original)
    assert tagged.SerializeToString() == original.SerializeToString()


def test_what_is_too_deep_is_reported() -> None:
    [finding] = [finding for finding in hpass.run(names(DEEP)).findings if finding.rule == "deep-name"]

    assert finding.severity is hpass.Severity.WARNING
    assert finding.message.startswith("1 names lead through more than 100 modules and are not used ('/a/a/")
    assert len(finding.message) < 200


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("w\0.bin", r"'w\x00.bin' is not a file name"),
        ("w" * 300, "is missing"),
        ("/".join(["w" * 200] * 30), "is missing"),
        (f"w{NO_TEXT}.bin", "is missing"),
    ],
)
def test_external_data_that_is_no_file_is_refused(location: str, said: str, tmp_path: Path) -> None:
    made = model([node("/a/Add", "Add", ["x", "w"])])
    weight = made.graph.initializer.add(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=location)
    path = tmp_path / "model.onnx"
    path.write_bytes(on_the_wire(made))

    with pytest.raises(hpass.HpassError) as refusal:
        hpass.run(path)

    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_external_data_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    made = model([node("/a/Add", "Add", ["x", "w"])])
    weight = made.graph.initializer.add(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=f"w{NO_TEXT}.bin")
    path = tmp_path / "model.onnx"
    path.write_bytes(on_the_wire(made))
    data = b"w\xff\xfe\xe9.bin"
    (tmp_path / data.decode(errors="surrogateescape")).write_bytes(bytes(16))

    hpass.run(path).save(tmp_path / "out" / "model.onnx")

    assert next((tmp_path / "out").glob("*.bin")).read_bytes() == bytes(16)


@pytest.mark.parametrize("modules", [SURROGATE, '{"a..b": "A"}', f'{{"{"a." * 200}a": "A"}}', '{"a": {"order": "1"}}'])
def test_a_table_that_is_handed_in_is_refused(modules: str, tmp_path: Path) -> None:
    path = tmp_path / "modules.json"
    path.write_text(modules, encoding="utf-8")

    with pytest.raises(hpass.UsageError) as refusal:
        hpass.run(names("/a/Relu"), modules=path)

    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("entry", [("offset", "nowhere"), ("offset", "-1"), ("offset", "1" * 5000), ("offset", "64")])
def test_weights_that_are_not_in_their_file_are_refused(entry: tuple[str, str], tmp_path: Path) -> None:
    made = model([node("/a/Add", "Add", ["x", "w"])])
    weight = made.graph.initializer.add(name="w", data_type=1, dims=[32], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="w.bin")
    weight.external_data.add(key=entry[0], value=entry[1])
    (tmp_path / "w.bin").write_bytes(bytes(128))
    onnx.save(made, tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(made.SerializeToString())

    assert hpass.run(tmp_path / "model.onnx").ok
    with pytest.raises(hpass.HpassError, match="external data of 'w' cannot be read") as refusal:
        hpass.run(tmp_path / "model.onnx", reference=tmp_path / "model.onnx")
    assert "\n" not in str(refusal.value)

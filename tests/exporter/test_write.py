from __future__ import annotations

import resource
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest
from skips import posix_only

from hpass.errors import HpassError
from hpass.exporter import Options, export, write
from hpass.exporter.torchscript import load_external_constants
from hpass.graph.files.transaction import Transaction

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parent / "models.py"


@pytest.fixture
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "MAX_INLINE_BYTES", 0)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("_everything_is_large")
@pytest.mark.parametrize("engine", ["dynamo", "torchscript"])
def test_large_weights_lie_in_a_file_of_their_own(engine: str, tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    options = Options(engine=engine)  # pyright: ignore[reportArgumentType]
    [exported] = export(f"{MODELS}:net", out, options=options)
    assert exported.data == (tmp_path / "net.onnx.data",)
    first = onnx.load(out)
    # Another export takes a new name for its data, so that the old pair is whole until it is replaced.
    export(f"{MODELS}:net", out, options=options)
    assert files(tmp_path) == ["net.onnx", "net.onnx.2.data"]
    assert onnx.load(out).graph.initializer == first.graph.initializer


def test_constants_of_a_large_model_are_taken_along(tmp_path: Path) -> None:
    """TorchScript's exporter puts the constants of a model beyond 2 GiB outside it, each into a file of its own."""
    traced, target = tmp_path / "traced", tmp_path / "staged"
    traced.mkdir()
    target.mkdir()
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    node = onnx.helper.make_node("Constant", [], ["y"], value=onnx.numpy_helper.from_array(values, "constant"))
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, values.shape)
    made = onnx.helper.make_model(onnx.helper.make_graph([node], "main", [], [result]))
    onnx.save(
        made, traced / "model.onnx", save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=0,
        convert_attribute=True,
    )  # fmt: skip
    assert len(files(traced)) == 2
    write.stage_model(load_external_constants(onnx_ir.load(traced / "model.onnx")), tmp_path / "net.onnx", target)
    shutil.rmtree(traced)
    [constant] = onnx.load(target / "net.onnx").graph.node
    assert np.array_equal(onnx.numpy_helper.to_array(constant.attribute[0].t), values)


@pytest.mark.usefixtures("_everything_is_large")
def test_a_failed_export_leaves_old_pairs_whole(tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    export(f"{MODELS}:net", out)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(HpassError):
        export(f"{MODELS}:unsupported", out)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_stranger_s_data_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "net.onnx.mine.data").write_bytes(b"mine")
    export(f"{MODELS}:pair", tmp_path / "net.onnx")
    export(f"{MODELS}:pair", tmp_path / "net.onnx")
    assert files(tmp_path) == ["net.onnx", "net.onnx.mine.data"]


@posix_only
def test_what_a_killed_run_left_goes_and_a_running_one_s_stays(tmp_path: Path) -> None:
    left = tmp_path / ".hpass-staging-1"
    (left / "scratch").mkdir(parents=True)
    for name in ("journal.json", "scratch/pair.onnx"):
        (left / name).touch()
    with Transaction(tmp_path / "pair.onnx") as running:
        running.scratch(tmp_path / "pair.onnx")
        (running.scratch(tmp_path / "pair.onnx") / "its own").touch()
        export(f"{MODELS}:pair", tmp_path / "pair.onnx")
        assert files(tmp_path) == [".hpass-staging-1", "pair.onnx"]
    assert files(tmp_path) == ["pair.onnx"]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    out.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 10, before[1]))
    try:
        with pytest.raises(HpassError, match=r"net\.onnx: cannot be written \(File too large\)"):
            export(f"{MODELS}:net", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert out.read_bytes() == b"old"
    assert files(tmp_path) == ["net.onnx"]


def test_a_table_that_cannot_be_written_leaves_the_old_model(tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    out.write_bytes(b"old")
    with pytest.raises(HpassError, match="/dev/full: cannot be written"):
        export(f"{MODELS}:net", out, modules_out=Path("/dev/full"))
    assert out.read_bytes() == b"old"
    assert files(tmp_path) == ["net.onnx"]


def test_a_link_s_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "pair.onnx").symlink_to(tmp_path / "there" / "real.onnx")
    export(f"{MODELS}:pair", tmp_path / "pair.onnx")
    assert (tmp_path / "pair.onnx").is_symlink()
    assert files(tmp_path / "there") == ["real.onnx"]

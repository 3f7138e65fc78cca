"""Thousands of small models that all differ."""

from __future__ import annotations

from pathlib import Path

import onnx

FIXTURES = Path(__file__).parents[2] / "fixtures"
SIZE_LIMIT_BYTES = 130_000


def write_models(folder: Path, count: int) -> None:
    """Write models to a folder: the small fixtures in turn, each with another text that documents it."""
    known = {path.stem: path.read_bytes() for path in small_fixtures()}
    names = list(known)
    for number in range(count):
        name = names[number % len(names)]
        # A field at the end of a message replaces an earlier one.
        text = onnx.ModelProto(doc_string=f"number {number}").SerializeToString()
        (folder / f"{number:05d}-{name}.onnx").write_bytes(known[name] + text)


def small_fixtures() -> list[Path]:
    """Return the fixtures that are small and have no external data."""
    small = [path for path in sorted(FIXTURES.glob("*.onnx")) if path.stat().st_size < SIZE_LIMIT_BYTES]
    return [path for path in small if not _has_external_data(path)]


def _has_external_data(path: Path) -> bool:
    tensors = onnx.load(path, load_external_data=False).graph.initializer
    return any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors)

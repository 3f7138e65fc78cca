"""How a model is read from a file and written back: the only place that knows that it is one protobuf message."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import TensorProto

from ...errors import HpassError
from ..decode import as_file_name, as_pairs
from ..walk import all_tensors
from .atomic_write import atomic_write
from .chunked_serialize import chunks

STANDARD_STREAM = "-"
# protobuf cannot serialize a message of 2 GiB or more.
SIZE_LIMIT = 2**31 - 1


def read(path: str | Path) -> onnx.ModelProto:
    """Return the model in a file, or on standard input for `-`. Raises HpassError where there is none."""
    name = "standard input" if str(path) == STANDARD_STREAM else str(path)
    return parse(_read_bytes(path, name), name)


def parse(data: bytes, name: str) -> onnx.ModelProto:
    """Return the model that `data` holds. Raises HpassError, naming its origin `name`, where it holds none."""
    if not data:
        raise HpassError(f"{name}: the file is empty; export the model again")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        if _looks_like_text(data):
            raise HpassError(
                f"{name}: this is text, not a binary ONNX model; if it is a model in text form, "
                f"convert it first: onnx.save(onnx.load('{name}', format='textproto'), 'model.onnx')"
            ) from error
        raise HpassError(
            f"{name}: not an ONNX model, or cut off ({len(data):,} bytes do not parse); fetch or export it again"
        ) from error
    if not model.HasField("graph"):
        raise HpassError(f"{name}: no ONNX model (it parses, but holds no graph); is this the right file?")
    return model


def write_to_stdout(model: onnx.ModelProto) -> None:
    """Write the model to standard output. Raises as `written`."""
    sys.stdout.buffer.writelines(serialize(model))
    sys.stdout.buffer.flush()


@contextmanager
def written(model: onnx.ModelProto, path: Path) -> Generator[None]:
    """Write the model to a file that takes its place when the block ends well.

    Raises HpassError where the model does not fit into one file, and OSError as the system reports it.
    """
    with atomic_write(path) as file:
        file.writelines(serialize(model))
        file.flush()
        yield


def serialize(model: onnx.ModelProto) -> list[bytes]:
    """Return the model's bytes, in pieces. Raises HpassError where they would be 2 GiB or more."""
    too_large = "the model takes 2 GiB or more in one file; save its weights as external data first"
    try:
        parts = chunks(model)
    except (EncodeError, ValueError) as error:
        raise HpassError(too_large) from error
    if sum(map(len, parts)) > SIZE_LIMIT:
        raise HpassError(too_large)
    return parts


def external_files(model: onnx.ModelProto) -> list[str]:
    """Return the files in which the model keeps tensors, as it names them, each once, in order of appearance."""
    external = (tensor for tensor in all_tensors(model) if tensor.data_location == TensorProto.EXTERNAL)
    return list(dict.fromkeys(name for tensor in external for name in _locations(tensor)))


def external_place(tensor: TensorProto) -> tuple[str, int]:
    """Return the file that contains the elements of a tensor with external data, and where in it they start, in bytes.

    Raises ValueError if the tensor does not say so.
    """
    locations = _locations(tensor)
    if not locations:
        raise ValueError("no location")
    return locations[-1], int(dict(as_pairs(tensor.external_data)).get("offset", 0))


def _locations(tensor: TensorProto) -> list[str]:
    """Return the files that a tensor with external data names: one, unless the model is malformed."""
    return [as_file_name(entry.value) for entry in tensor.external_data if entry.key == "location"]


def _read_bytes(path: str | Path, name: str) -> bytes:
    if str(path) == STANDARD_STREAM:
        return sys.stdin.buffer.read()
    file = Path(path)
    try:
        if file.is_dir():
            raise HpassError(f"{name}: a folder, not a model; name the .onnx file in it")
        size = file.stat().st_size
        if size > SIZE_LIMIT:
            raise HpassError(
                f"{name}: {size:,} bytes in one file; 2 GiB and more cannot be handled, "
                "save the weights as external data first"
            )
        return file.read_bytes()
    except OSError as error:
        raise HpassError(f"{name}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"cannot be read ({error.strerror or error})"


def _looks_like_text(data: bytes) -> bool:
    """Whether the start of the data is printable, which a ModelProto's first fields never are."""
    head = data[:256]
    return all(byte >= ord(" ") or byte in b"\t\n\r" for byte in head) and b":" in data[:4096]

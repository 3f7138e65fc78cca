"""How a model is read from a file and written back: the only place that knows that it is one protobuf message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, cast

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import TensorProto

from ...errors import HpassError
from ..decode import as_file_name, as_pairs
from ..walk import all_tensors
from .chunked_serialize import chunks
from .journal import recover_beside
from .limited_read import read_file, read_stream
from .transaction import Transaction

STANDARD_STREAM = "-"
# protobuf cannot serialize a message of 2 GiB or more.
SIZE_LIMIT = 2**31 - 1


def read(path: str | Path) -> onnx.ModelProto:
    """Return the model in a file, or on standard input for `-`. Raises HpassError where there is none."""
    name = "standard input" if str(path) == STANDARD_STREAM else str(path)
    return parse(_read_bytes(path, name), name)


def parse(data: bytes | bytearray, name: str) -> onnx.ModelProto:
    """Return the model that `data` holds. Raises HpassError, naming its origin `name`, where it holds none."""
    if not data:
        raise HpassError(f"{name}: the file is empty; export the model again")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(cast("bytes", data))  # a bytearray will do as well
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


def transaction_for(path: str | Path) -> Transaction:
    """Return a transaction for a model and what belongs to it; standard output (`-`) lies in no folder.

    Raises HpassError.
    """
    return Transaction(None if str(path) == STANDARD_STREAM else Path(path))


def write(model: onnx.ModelProto, file: BinaryIO) -> None:
    """Write the model into an open file. Raises as `serialize`, and OSError as the system reports it."""
    file.writelines(serialize(model))


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


def _read_bytes(path: str | Path, name: str) -> bytes | bytearray:
    try:
        if str(path) == STANDARD_STREAM:
            if sys.stdin is None:
                raise HpassError(f"{name}: it is closed; name a file, or send a model there")
            data = read_stream(sys.stdin.buffer, name, SIZE_LIMIT)
            if data is not None and not data:
                raise HpassError(f"{name}: it is empty; send one model there, and name it only once")
        else:
            file = Path(path)
            if file.is_dir():
                raise HpassError(f"{name}: a folder, not a model; name the .onnx file in it")
            recover_beside(file)
            data = read_file(file, SIZE_LIMIT)
    except OSError as error:
        raise HpassError(f"{name}: {_reason(error)}") from error
    if data is None:
        raise HpassError(
            f"{name}: 2 GiB or more in one file cannot be handled; save the weights as external data first"
        )
    return data


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"cannot be read ({error.strerror or error})"


def _looks_like_text(data: bytes | bytearray) -> bool:
    """Whether the start of the data is printable, which a ModelProto's first fields never are."""
    head = data[:256]
    return all(byte >= ord(" ") or byte in b"\t\n\r" for byte in head) and b":" in data[:4096]

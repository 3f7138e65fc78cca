"""Read and write a model as one protobuf message. No other file depends on this form."""

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
# Protobuf cannot serialise a message of 2 GiB or more.
SIZE_LIMIT_BYTES = 2**31 - 1


def read(path: str | Path) -> onnx.ModelProto:
    """Return the model in a file, or on standard input for `-`. Raises HpassError if there is no model."""
    name = "standard input" if str(path) == STANDARD_STREAM else str(path)
    return parse(_read_bytes(path, name), name)


def parse(data: bytes | bytearray, name: str) -> onnx.ModelProto:
    """Parse a model. Raises HpassError, naming the origin `name`, if the data is not a model."""
    if not data:
        raise HpassError(f"{name}: the file is empty; export the model again")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(cast("bytes", data))  # a bytearray is accepted as well
    except DecodeError as error:
        if _looks_like_text(data):
            raise HpassError(
                f"{name}: is text, not a binary ONNX model; if it is a model in text form, "
                f"convert it first: onnx.save(onnx.load('{name}', format='textproto'), 'model.onnx')"
            ) from error
        raise HpassError(
            f"{name}: not an ONNX model, or truncated ({len(data):,} bytes do not parse); download or export it again"
        ) from error
    if not model.HasField("graph"):
        raise HpassError(f"{name}: not an ONNX model (it parses, but has no graph); check that it is the right file")
    return model


def transaction_for(path: str | Path) -> Transaction:
    """Return a transaction for a model and its other files. For standard output (`-`) it has no target.

    Raises HpassError if an interrupted transaction in the folder cannot be completed.
    """
    return Transaction(None if str(path) == STANDARD_STREAM else Path(path))


def write(model: onnx.ModelProto, file: BinaryIO) -> None:
    """Write a model into an open file. Raises HpassError as `serialize` does, and OSError if that fails."""
    file.writelines(serialize(model))


def serialize(model: onnx.ModelProto) -> list[bytes]:
    """Return the bytes of a model in chunks. Raises HpassError if they are 2 GiB or more."""
    too_large = "the model needs 2 GiB or more in one file; save its weights as external data first"
    try:
        chunk_list = chunks(model)
    except (EncodeError, ValueError) as error:
        raise HpassError(too_large) from error
    if sum(map(len, chunk_list)) > SIZE_LIMIT_BYTES:
        raise HpassError(too_large)
    return chunk_list


def external_files(model: onnx.ModelProto) -> list[str]:
    """Return the names of a model's external files, each once, in order of appearance."""
    external = (tensor for tensor in all_tensors(model) if tensor.data_location == TensorProto.EXTERNAL)
    return list(dict.fromkeys(name for tensor in external for name in _locations(tensor)))


def external_position(tensor: TensorProto) -> tuple[str, int]:
    """Return the external file of a tensor, and the offset of its elements in the file, in bytes.

    Raises ValueError if the tensor has no valid location or offset.
    """
    locations = _locations(tensor)
    if not locations:
        raise ValueError("no location")
    return locations[-1], int(dict(as_pairs(tensor.external_data)).get("offset", 0))


def _locations(tensor: TensorProto) -> list[str]:
    """Return the external files that a tensor names: exactly one, unless the model is malformed."""
    return [as_file_name(entry.value) for entry in tensor.external_data if entry.key == "location"]


def _read_bytes(path: str | Path, name: str) -> bytes | bytearray:
    try:
        if str(path) == STANDARD_STREAM:
            if sys.stdin is None:
                raise HpassError(f"{name}: is closed; name a file, or redirect a model to it")
            data = read_stream(sys.stdin.buffer, name, SIZE_LIMIT_BYTES)
            if data is not None and not data:
                raise HpassError(f"{name}: is empty; redirect one model to it, and name it only once")
        else:
            file = Path(path)
            if file.is_dir():
                raise HpassError(f"{name}: is a folder, not a model; name the .onnx file in it")
            recover_beside(file)
            data = read_file(file, SIZE_LIMIT_BYTES)
    except OSError as error:
        raise HpassError(f"{name}: {_reason(error)}") from error
    if data is None:
        raise HpassError(
            f"{name}: is 2 GiB or larger, which hpass cannot read; save the weights as external data first"
        )
    return data


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"cannot be read ({error.strerror or error})"


def _looks_like_text(data: bytes | bytearray) -> bool:
    """Whether the start of the data is printable. The first bytes of a ModelProto are not."""
    head = data[:256]
    return all(byte >= ord(" ") or byte in b"\t\n\r" for byte in head) and b":" in data[:4096]

"""Read and write a model as one protobuf message. No other file depends on this form.

Of a regular file, large values of tensors are not read: the message has placeholders for them.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import TensorProto

from ...errors import HpassError
from ..decode import as_file_name, as_pairs
from ..walk import all_tensors
from .chunked_serialize import chunks
from .journal import recover_beside
from .limited_read import read_file, read_stream
from .placeholders import Placeholders
from .source_file import SourceFile
from .transaction import Transaction
from .wire import Piece, byte_count

STANDARD_STREAM = "-"
# Protobuf cannot serialise a message of 2 GiB or more.
SIZE_LIMIT_BYTES = 2**31 - 1
_TOO_LARGE_TO_WRITE = "the model needs 2 GiB or more in one file; save its weights as external data first"


class StoredModel(NamedTuple):
    """A model, and the placeholders in it; None if it is complete."""

    proto: onnx.ModelProto
    placeholders: Placeholders | None


def read(path: str | Path) -> StoredModel:
    """Return the model in a file with placeholders for large values, or the complete model on standard input for `-`.

    Raises HpassError if there is no model.
    """
    name = "standard input" if str(path) == STANDARD_STREAM else str(path)
    try:
        if str(path) == STANDARD_STREAM:
            return StoredModel(parse(_read_standard_input(name), name), None)
        file = Path(path)
        if file.is_dir():
            raise HpassError(f"{name}: is a folder, not a model; name the .onnx file in it")
        recover_beside(file)
        source = SourceFile.open(file)
        if source is None:
            return StoredModel(parse(_checked(read_file(file, SIZE_LIMIT_BYTES), name), name), None)
    except OSError as error:
        raise HpassError(f"{name}: {_reason(error)}") from error
    placeholders = Placeholders(source)
    if placeholders.skeleton_size > SIZE_LIMIT_BYTES:
        raise _too_large_to_read(name, " without its large tensors of floats and raw data")
    proto = parse(placeholders.skeleton(), name, source.size)
    if placeholders:
        return StoredModel(proto, placeholders)
    source.close()
    return StoredModel(proto, None)


def parse(data: bytes | bytearray, name: str, size: int | None = None) -> onnx.ModelProto:
    """Parse a model. `size` is that of its file in bytes, if the data is not the whole file.

    Raises HpassError, naming the origin `name`, if the data is not a model.
    """
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
            f"{name}: not an ONNX model, or truncated ({len(data) if size is None else size:,} bytes do not parse); "
            "download or export it again"
        ) from error
    if not model.HasField("graph"):
        raise HpassError(f"{name}: not an ONNX model (it parses, but has no graph); check that it is the right file")
    return model


def transaction_for(path: str | Path) -> Transaction:
    """Return a transaction for a model and its other files. For standard output (`-`) it has no target.

    Raises HpassError if an interrupted transaction in the folder cannot be completed.
    """
    return Transaction(None if str(path) == STANDARD_STREAM else Path(path))


def write(model: onnx.ModelProto, file: BinaryIO, placeholders: Placeholders | None = None) -> None:
    """Write a model into a new, empty file or a device, with the values for its placeholders.

    Raises HpassError as `serialize` does, or if the file with the values has changed, and OSError if writing fails.
    """
    if placeholders is None or not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        send(model, file, placeholders)
    else:
        placeholders.file.copy_to(_pieces(model, placeholders), file)


def send(model: onnx.ModelProto, stream: BinaryIO, placeholders: Placeholders | None) -> None:
    """Write a model to a stream, whatever has been written to it before. Raises as `write` does."""
    if placeholders is None:
        stream.writelines(serialize(model))
    else:
        stream.writelines(placeholders.file.blocks(_pieces(model, placeholders)))


def _pieces(model: onnx.ModelProto, placeholders: Placeholders) -> list[Piece]:
    try:
        pieces = placeholders.pieces(model)
    except (EncodeError, ValueError) as error:
        raise HpassError(_TOO_LARGE_TO_WRITE) from error
    # Few programs can read a larger file, so a file that they can read does not become one.
    if sum(map(byte_count, pieces)) > SIZE_LIMIT_BYTES >= placeholders.file.size:
        raise HpassError(_TOO_LARGE_TO_WRITE)
    return pieces


def serialize(model: onnx.ModelProto) -> list[bytes]:
    """Return the bytes of a complete model in chunks. Raises HpassError if they are 2 GiB or more."""
    try:
        chunk_list = chunks(model)
    except (EncodeError, ValueError) as error:
        raise HpassError(_TOO_LARGE_TO_WRITE) from error
    if sum(map(len, chunk_list)) > SIZE_LIMIT_BYTES:
        raise HpassError(_TOO_LARGE_TO_WRITE)
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


def _read_standard_input(name: str) -> bytes | bytearray:
    if sys.stdin is None:
        raise HpassError(f"{name}: is closed; name a file, or redirect a model to it")
    data = _checked(read_stream(sys.stdin.buffer, name, SIZE_LIMIT_BYTES), name)
    if not data:
        raise HpassError(f"{name}: is empty; redirect one model to it, and name it only once")
    return data


def _checked(data: bytes | bytearray | None, name: str) -> bytes | bytearray:
    if data is None:
        raise _too_large_to_read(name)
    return data


def _too_large_to_read(name: str, counted: str = "") -> HpassError:
    return HpassError(
        f"{name}: is 2 GiB or larger{counted}, which hpass cannot read; save the weights as external data first"
    )


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

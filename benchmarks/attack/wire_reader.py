"""Compare the reader of large values with protobuf on mutated messages: `python -m benchmarks.attack.wire_reader`.

Values of more than 8 bytes are left out of a message and put back. The result must be what protobuf makes of the whole
message, and what protobuf refuses must be refused; the same with an edit in between, and if the values are read. The
exit status is 3 if one message breaks this rule. `--only INDEX --save FILE` makes a message again and keeps it. A
message that takes over 60 s ends the process with a trace.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto

from hpass.graph.files import placeholders, wire
from hpass.graph.files.placeholders import Placeholders
from hpass.graph.files.source_file import SourceFile

from .byte_mutations import mutate_bytes
from .odd_encodings import encode_oddly
from .seeds import seeds
from .wire_mutations import mutate_fields

MIN_BYTES = 9
SEED_LIMIT = 3000  # bytes
# Bytes that are read at once; the fewest hold a tag and the longest number.
WINDOWS = (15, 16, 20, 50, 8192)
WATCHDOG_S = 60.0
EDIT = "edited"
_FAULT_FOUND = 3


class Outcome(NamedTuple):
    """What became of a message: the number of values that were left out, None if it was refused, and the fault."""

    values: int | None
    fault: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the faults and how much was compared, and return the exit status."""
    options = _parser().parse_args(arguments)
    known = [with_tensors_everywhere().SerializeToString()] * 5
    known += [seed for seed in seeds(None) if len(seed) < SEED_LIMIT]
    deadline = time.monotonic() + 60 * options.minutes
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="hpass-wire-") as folder:
        indices = range(options.first, options.first + options.messages)
        for index in indices if options.only is None else [options.only]:
            if time.monotonic() > deadline:
                sys.stdout.write(f"the time is over; go on with --first {index}\n")
                break
            faulthandler.dump_traceback_later(WATCHDOG_S, exit=True, file=sys.__stderr__)
            random = Random(f"{options.seed}:{index}")
            data = make_message(random, known)
            if options.save is not None:
                options.save.write_bytes(data)
            outcomes.append(examine(data, Path(folder, "message"), random.choice(WINDOWS)))
            if outcomes[-1].fault is not None:
                sys.stdout.write(f"{index}: {outcomes[-1].fault}\n")
        faulthandler.cancel_dump_traceback_later()
    refused = sum(outcome.values is None for outcome in outcomes)
    values = sum(outcome.values or 0 for outcome in outcomes)
    faults = sum(outcome.fault is not None for outcome in outcomes)
    sys.stdout.write(
        f"{len(outcomes):,} messages, {refused:,} of them refused, {values:,} values left out, {faults:,} faults\n"
    )
    return _FAULT_FOUND if faults else 0


def with_tensors_everywhere(size: int = 12) -> onnx.ModelProto:
    """Return a model with tensors at every place where a model may have one. Their values take `size` bytes or more."""

    def raw(name: str) -> TensorProto:
        return TensorProto(name=name, data_type=TensorProto.UINT8, dims=[size], raw_data=name[:1].encode() * size)

    numbers = [float(number) for number in range(size)]
    floats = TensorProto(name="f", data_type=TensorProto.FLOAT, dims=[size], float_data=numbers)
    doubles = TensorProto(name="d", data_type=TensorProto.DOUBLE, dims=[size], double_data=numbers)
    strings = TensorProto(name="s", data_type=TensorProto.STRING, dims=[3], string_data=[b"a" * size, b"", b"c" * size])
    sparse = onnx.SparseTensorProto(values=raw("values"), indices=raw("indices"), dims=[5000])
    inner = onnx.GraphProto(name="inner", initializer=[raw("inner")])
    attributes = [
        AttributeProto(name="t", type=AttributeProto.TENSOR, t=raw("t")),
        AttributeProto(name="ts", type=AttributeProto.TENSORS, tensors=[raw("a"), floats]),
        AttributeProto(name="s", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=sparse),
        AttributeProto(name="ss", type=AttributeProto.SPARSE_TENSORS, sparse_tensors=[sparse]),
        AttributeProto(name="g", type=AttributeProto.GRAPH, g=inner),
        AttributeProto(name="gs", type=AttributeProto.GRAPHS, graphs=[inner, inner]),
        # Its type is none of a tensor.
        AttributeProto(name="odd", type=AttributeProto.INT, t=raw("odd")),
    ]
    model = onnx.ModelProto(ir_version=10)
    model.graph.node.add(op_type="Foo", attribute=attributes)
    model.graph.initializer.extend([raw("w"), floats, doubles, strings])
    model.graph.sparse_initializer.append(sparse)
    model.functions.add(name="f", attribute_proto=attributes).node.add(op_type="Bar", attribute=attributes)
    model.training_info.add(initialization=inner, algorithm=inner)
    return model


def make_message(random: Random, known: Sequence[bytes]) -> bytes:
    """Return one of the known messages, encoded in another way, damaged, or both."""
    data = random.choice(known)
    if random.random() < 0.6:
        data = encode_oddly(random, data)
    if random.random() < 0.3:
        data = mutate_bytes(random, data, random.choice(known))
    elif random.random() < 0.3:
        data = mutate_fields(random, data)
    return data


def examine(data: bytes, path: Path, window: int) -> Outcome:
    """Write a message to a path, and compare with protobuf what hpass makes of it with reads of `window` bytes."""
    expected = [_serialised(data, edit) for edit in ("", EDIT)]
    # Some file systems write at once what replaces the content of a file.
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        with patch.multiple(placeholders, _MIN_BYTES=MIN_BYTES), patch.multiple(wire, _WINDOW_BYTES=window):
            source = SourceFile.open(path)
            if source is None:
                return Outcome(None, None if not data else "not opened")
            found = Placeholders(source)
            skeleton = found.skeleton()
            if [_spliced(skeleton, found, edit) for edit in ("", EDIT)] != expected:
                return Outcome(len(found), "protobuf makes something else of it")
            if expected[0] is None:
                return Outcome(None)
            message = onnx.ModelProto.FromString(skeleton)
            found.complete(message)
            if message.SerializeToString() != expected[0]:
                return Outcome(len(found), "the values that are read are others")
    except Exception:  # noqa: BLE001 - this is what is looked for
        return Outcome(0, traceback.format_exc())
    return Outcome(len(found))


def _serialised(data: bytes, edit: str) -> bytes | None:
    """Return what protobuf makes of a message with an edit; None if it refuses the message."""
    try:
        return _edited(data, edit).SerializeToString()
    except DecodeError:
        return None


def _spliced(skeleton: bytes, found: Placeholders, edit: str) -> bytes | None:
    try:
        pieces = found.pieces(_edited(skeleton, edit))
    except DecodeError:
        return None
    return b"".join(found.file.blocks(pieces))


def _edited(data: bytes, edit: str) -> onnx.ModelProto:
    message = onnx.ModelProto.FromString(data)
    if edit:
        message.producer_name = edit
        message.graph.initializer.extend(message.graph.initializer[:1])
        for node in message.graph.node:
            node.metadata_props.add(key=edit, value=edit)
    return message


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack.wire_reader", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="number of messages (default: 10,000)")
    parser.add_argument("--first", type=int, default=0, metavar="INDEX", help="index of the first message (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choices (default: 0)")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no message after this time (default: 60)")
    parser.add_argument("--only", type=int, metavar="INDEX", help="examine only the message of this index")
    parser.add_argument("--save", type=Path, metavar="FILE", help="with --only: write the message to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Make messages with placeholders comparable: values that stay in two files are compared there, block by block."""

from __future__ import annotations

from ..files.model_file import StoredModel
from ..files.placeholders import Placeholders, all_tensors_of
from ..files.wire import Piece, Range

_BLOCK_BYTES = 1 << 22


def unify(ours: StoredModel, theirs: StoredModel) -> None:
    """Change the placeholders in two messages so that the messages are equal if and only if the complete ones are.

    Equal values get equal placeholders. Raises HpassError if a file has changed since it was opened.
    """
    for our_tensor, their_tensor in zip(all_tensors_of(ours.proto), all_tensors_of(theirs.proto), strict=False):
        our_pieces, their_pieces = (
            [tensor.SerializeToString()] if placeholders is None else placeholders.pieces(tensor)
            for tensor, placeholders in ((our_tensor, ours.placeholders), (their_tensor, theirs.placeholders))
        )
        if len(our_pieces) == len(their_pieces) == 1:
            continue
        pairs = zip(our_pieces, their_pieces, strict=False)
        if len(our_pieces) == len(their_pieces) and all(
            _same(one, ours.placeholders, other, theirs.placeholders) for one, other in pairs
        ):
            their_tensor.CopyFrom(our_tensor)
            continue
        for tensor, placeholders in ((our_tensor, ours.placeholders), (their_tensor, theirs.placeholders)):
            if placeholders is not None:
                placeholders.complete(tensor)


def _same(one: Piece, one_file: Placeholders | None, other: Piece, other_file: Placeholders | None) -> bool:
    if not isinstance(one, Range) or not isinstance(other, Range) or one_file is None or other_file is None:
        return one == other
    length = one.end - one.start
    return length == other.end - other.start and all(
        one_file.file.read(one.start + position, one.start + min(position + _BLOCK_BYTES, length))
        == other_file.file.read(other.start + position, other.start + min(position + _BLOCK_BYTES, length))
        for position in range(0, length, _BLOCK_BYTES)
    )

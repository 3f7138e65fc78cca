"""Validating a tagged model from Python."""

from __future__ import annotations

import onnx
import pytest
from text_models import model, stack

import hpass

PLAIN = model('["n"] y = Relu(x)', metadata={"n": stack("a")})


@pytest.fixture
def tagged() -> hpass.Model:
    """Return an opened model that has tags."""
    return hpass.load(hpass.run(PLAIN).apply())


def test_models_that_are_compared_keep_their_tags(tagged: hpass.Model) -> None:
    original = hpass.load(tagged.proto)
    before = tagged.proto.SerializeToString(), original.proto.SerializeToString()

    assert hpass.validate(tagged, against=original) == []

    assert (tagged.proto.SerializeToString(), original.proto.SerializeToString()) == before


def test_a_model_is_compared_without_tags(tagged: hpass.Model) -> None:
    assert hpass.validate(tagged, against=PLAIN) == []


def test_a_difference_beside_tags_is_an_error(tagged: hpass.Model) -> None:
    other = onnx.ModelProto.FromString(PLAIN.SerializeToString())
    other.graph.node[0].op_type = "Abs"

    assert [finding.rule for finding in hpass.validate(tagged, against=other)] == ["not-lossless"]

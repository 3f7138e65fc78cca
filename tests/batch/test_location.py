"""Paths and addresses are told apart, and a missing package is one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hpass import UsageError
from hpass.batch.location import is_address, is_folder_address, parse_location


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bucket/x.onnx", True),
        ("hf://user/repository/x.onnx", True),
        ("models/x.onnx", False),
        ("C:\\models\\x.onnx", False),
        ("a//b.onnx", False),
        ("-", False),
    ],
)
def test_an_address_has_a_protocol(text: str, *, address: bool) -> None:
    assert is_address(text) is address


@pytest.mark.parametrize(
    ("text", "folder"),
    [("s3://b", True), ("s3://b/", True), ("s3://b/c/", True), ("s3://b/c", False), ("models/", False)],
)
def test_which_addresses_are_folders(text: str, *, folder: bool) -> None:
    assert is_folder_address(text) is folder


def test_an_address_of_this_machine_is_a_path() -> None:
    assert parse_location("file:///models/x.onnx") == Path("/models/x.onnx")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upath", None)

    with pytest.raises(UsageError, match=r"s3://b/x.onnx: .* pip install 'hpass\[remote\]'"):
        parse_location("s3://b/x.onnx")

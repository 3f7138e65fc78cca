"""The module stack of torch's exporter, in whatever state a file has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpass.evidence.exporter_metadata import (
    CLASS_HIERARCHY,
    NAME_SCOPES,
    NAMESPACE,
    class_names,
    read_class_path,
    read_module_stack,
)
from hpass.tags.scope import MAX_DEPTH, is_scope

NO_MODULE = "_empty_nn_module_stack_from_metadata_hook"


@pytest.mark.parametrize(
    ("metadata", "scopes", "kinds"),
    [
        ({NAME_SCOPES: "['', 'a', 'add']"}, ("", "a"), (None, None)),
        ({NAME_SCOPES: "['', 'a', 'add']", CLASS_HIERARCHY: "['M', 'A', 'aten.add']"}, ("", "a"), ("M", "A")),
        ({NAME_SCOPES: "['', 'a', 'add']", CLASS_HIERARCHY: "['M', 'aten.add']"}, ("", "a"), (None, None)),
        ({NAME_SCOPES: "['', 'a', 'add']", CLASS_HIERARCHY: "what?"}, ("", "a"), (None, None)),
        ({NAME_SCOPES: f"['', '{NO_MODULE}', 'a', 'add']"}, ("", "a"), (None, None)),
        ({NAME_SCOPES: "['', 'a@1', 'a@1.b@12', 'add']"}, ("", "a", "a.b"), (None,) * 3),
        ({NAME_SCOPES: "[\"L['self']\", \"L['self'].a\", 'add']"}, ("", "a"), (None, None)),
        ({NAME_SCOPES: "['L__self__', 'L__self__.a', 'add']"}, ("", "a"), (None, None)),
        ({NAME_SCOPES: "['', 'Linear', 'add']"}, ("", "Linear"), (None, None)),
        ({NAMESPACE: ": M/a: A/add: aten.add"}, ("", "a"), ("M", "A")),
        ({NAME_SCOPES: "['', 'b', 'add']", NAMESPACE: ": M/a: A/add: aten.add"}, ("", "b"), (None, None)),
    ],
)
def test_the_open_modules_and_their_classes(
    metadata: dict[str, str], scopes: tuple[str, ...], kinds: tuple[str | None, ...]
) -> None:
    found = read_module_stack(metadata)

    assert found is not None
    assert (found.scopes, found.classes, found.scope) == (scopes, kinds, scopes[-1])


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"pkg.torch.onnx.stack_trace": "File ..."},
        {NAME_SCOPES: ""},
        {NAME_SCOPES: "[]"},
        {NAME_SCOPES: "['add']"},
        {NAME_SCOPES: f"['{NO_MODULE}', 'add']"},
        {NAME_SCOPES: "{'': 'a'}"},
        {NAME_SCOPES: "['', 'a'"},
        {NAME_SCOPES: "__import__('os')"},
        {NAME_SCOPES: "[" * 10_000},
        {NAMESPACE: ""},
        {NAMESPACE: "add: aten.add"},
        {CLASS_HIERARCHY: "['M', 'A', 'aten.add']"},
        {NAME_SCOPES: "['', 'a', 'a..b', 'add']"},
        {NAME_SCOPES: r"['', '\ud800', 'add']"},
        {NAME_SCOPES: repr(["", ".".join("a" * (MAX_DEPTH + 1)), "add"])},
    ],
)
def test_metadata_that_names_no_module(metadata: dict[str, str]) -> None:
    assert read_module_stack(metadata) is None


@given(st.lists(st.text(), min_size=1).filter(lambda names: all(map(is_scope, names))))
def test_any_list_of_names_is_read_back(names: list[str]) -> None:
    plain = [name for name in names if "@" not in name and not name.startswith("L") and name != NO_MODULE]
    found = read_module_stack({NAME_SCOPES: repr([*plain, "node"])})

    assert (() if found is None else found.scopes) == tuple(plain)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    found = read_module_stack({NAME_SCOPES: text, CLASS_HIERARCHY: text}) or read_module_stack({NAMESPACE: text})

    assert found is None or len(found.scopes) == len(found.classes)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", []),
        ("/Model", ["Model"]),
        ("/Model/Layer.0/Linear.query", ["Model", "Layer", "Linear"]),
    ],
)
def test_a_class_path_of_another_tool(path: str, names: list[str]) -> None:
    found = read_class_path({"winml.hierarchy.tag": path})

    assert found is not None
    assert class_names(found) == names


@pytest.mark.parametrize("metadata", [{}, {"winml.hierarchy.tag": ""}, {"winml.hierarchy.tag": "Model"}])
def test_no_class_path(metadata: dict[str, str]) -> None:
    assert read_class_path(metadata) is None

"""Tagging from Python: what the arguments may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from text_models import model

import hpass

PASSES = "aux-inheritance,validation"
EVERY_NODE_IS_KNOWN = model('["/a/Relu"] y = Relu(x)')


@pytest.mark.parametrize(
    "settings",
    [
        "validation.runtime=true",
        ["validation.runtime=true"],
        iter(["validation.runtime=true"]),
        {"validation.runtime": "true"},
        {"validation.runtime": True},
    ],
    ids=["text", "list", "iterator", "mapping to text", "mapping to values"],
)
def test_settings_are_one_text_several_or_a_mapping(settings: str | Iterable[str] | Mapping[str, object]) -> None:
    run = hpass.run(EVERY_NODE_IS_KNOWN, PASSES, settings=settings)

    assert str(run.pipeline) == "aux-inheritance,validation:runtime=true"


def test_a_mapping_sets_several_options() -> None:
    run = hpass.run(EVERY_NODE_IS_KNOWN, PASSES, settings={"aux-inheritance.root": "keep", "validation.checker": False})

    assert str(run.pipeline) == "aux-inheritance:root=keep,validation:checker=false"


@pytest.mark.parametrize("settings", ["root", ["root"], {"root": "keep"}])
def test_a_setting_that_names_no_option_is_refused_as_it_was_given(settings: str | Iterable[str]) -> None:
    with pytest.raises(hpass.UsageError, match=r"'root(=keep)?' does not set an option; write PASS\.OPTION=VALUE"):
        hpass.run(EVERY_NODE_IS_KNOWN, PASSES, settings=settings)

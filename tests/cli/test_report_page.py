"""`hpass report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def profile(path: Path, modules: object) -> Path:
    path.write_text(json.dumps({"schema": 1, "modules": modules}))
    return path


def test_it_writes_a_page_and_says_what_it_shows(hpass: Any, model: Path, tmp_path: Path) -> None:
    done = hpass("report", model, "-o", tmp_path / "r.html")

    assert done.status == 0
    assert done.out == f"{tmp_path / 'r.html'}: 29 nodes in 9 modules\n"
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


def test_a_profile_gives_each_module_its_time(hpass: Any, model: Path, tmp_path: Path) -> None:
    times = {"": {"own_us": 1, "all_us": 3.5}, "features": {"own_us": 2.5, "all_us": 2.5}}
    file = profile(tmp_path / "p.json", times)

    assert hpass("report", model, "-o", tmp_path / "r.html", "--profile", file).status == 0

    assert '"key":"time","name":"time","unit":"\\u00b5s"' in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ([], "has no modules"),
        ({"a": {"own_us": 1}}, "the module 'a' has no own_us and all_us"),
        ({"a": {"own_us": True, "all_us": 2}}, "the module 'a' has no own_us and all_us"),
        ({"a": 1}, "the module 'a' has no own_us and all_us"),
    ],
)
def test_what_is_no_profile_is_refused(hpass: Any, model: Path, tmp_path: Path, modules: object, said: str) -> None:
    done = hpass("report", model, "-o", tmp_path / "r.html", "--profile", profile(tmp_path / "p.json", modules))

    assert done.status == 2
    assert said in done.err
    assert not (tmp_path / "r.html").exists()


def test_the_cost_is_shown_unless_it_is_refused(hpass: Any, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "r.html"

    assert hpass("report", model, "-o", page).status == 0
    assert '"key":"macs"' in page.read_text()

    assert hpass("report", model, "-o", page, "--no-cost").status == 0
    assert '"key":"macs"' not in page.read_text()

    assert "leave out --no-cost" in hpass("report", model, "-o", page, "--no-cost", "--dim", "n=2").err


def test_time_without_a_module_and_providers_are_told(hpass: Any, model: Path, tmp_path: Path) -> None:
    module = {"own_us": 4, "all_us": 4, "providers": {"CUDA": 1, "CPU": 3, "TPU": "x"}}
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"modules": {"features": module}, "unmapped": {"own_us": 2.5}}))

    assert hpass("report", model, "-o", tmp_path / "r.html", "--profile", file).status == 0

    text = (tmp_path / "r.html").read_text()
    assert "without 2.5 \\u00b5s of nodes without a module" in text
    assert '"CPU"' in text
    assert '"CUDA"' not in text


def test_at_most_two_profiles(hpass: Any, model: Path, tmp_path: Path) -> None:
    profiles = [f"--profile={profile(tmp_path / f'{i}.json', {})}" for i in range(3)]

    assert "give at most 2" in hpass("report", model, "-o", tmp_path / "r.html", *profiles).err


def test_the_model_is_not_overwritten(hpass: Any, model: Path) -> None:
    before = model.read_bytes()

    assert hpass("report", model, "-o", model).status == 2
    assert model.read_bytes() == before

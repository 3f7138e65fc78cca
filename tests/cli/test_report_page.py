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


def test_at_most_two_profiles(hpass: Any, model: Path, tmp_path: Path) -> None:
    profiles = [f"--profile={profile(tmp_path / f'{i}.json', {})}" for i in range(3)]

    assert "give at most 2" in hpass("report", model, "-o", tmp_path / "r.html", *profiles).err


def test_the_model_is_not_overwritten(hpass: Any, model: Path) -> None:
    before = model.read_bytes()

    assert hpass("report", model, "-o", model).status == 2
    assert model.read_bytes() == before

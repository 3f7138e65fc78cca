"""Passes of other packages: loaded when they are looked up by name, and reported by package if they are broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from hpass import Pipeline, UsageError
from hpass.cli.completion import complete_pass, complete_pipeline, complete_setting
from hpass.cli.main import run_command
from hpass.passes import REWRITING_PASSES, STANDARD_PASSES
from hpass.registry import PassRegistry

GOOD = '''
from dataclasses import dataclass
from typing import ClassVar

import hpass

print("imported")


@dataclass(frozen=True)
class Shout(hpass.Pass):
    """Tag nothing, loudly."""

    name: ClassVar[str] = "shout"
    volume: int = hpass.option(11, "How loud.")

    def apply(self, context):
        pass


@dataclass(frozen=True)
class Vague(Shout):
    name: ClassVar[str] = "vague"
    size: "Unheard" = hpass.option(1, "No such type.")


@dataclass(frozen=True)
class Nameless(hpass.Pass):
    def apply(self, context):
        pass


NOT_A_PASS = "text"
'''
BROKEN = {
    "raises": ("raises:Shout", "raise ZeroDivisionError('division\\nby zero')", "ZeroDivisionError: division"),
    "exits": ("exits:Shout", "raise SystemExit(7)", "SystemExit: 7"),
    "absent": ("absent_plugin:Shout", "", "ModuleNotFoundError: No module named 'absent_plugin'"),
    "no-class": ("good:Missing", "", "has no attribute 'Missing'"),
    "text": ("good:NOT_A_PASS", "", "is not a subclass of hpass.Pass"),
    "vague": ("good:Vague", "", "NameError: name 'Unheard' is not defined"),
    "quiet": ("good:Shout", "", "loads a pass named 'shout'; both names must be the same"),
    "nameless": ("good:Nameless", "", "AttributeError"),
    "Shout!": ("good:Shout", "", "in kebab-case"),
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Return the entry points of a package with one good pass and one of each broken kind."""
    (tmp_path / "good.py").write_text(GOOD)
    entries = [EntryPoint("shout", "good:Shout", "hpass.passes")]
    for name, (value, code, _) in BROKEN.items():
        if code:
            (tmp_path / f"{value.partition(':')[0]}.py").write_text(code)
        entries.append(EntryPoint(name, value, "hpass.passes"))
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("good", "raises", "exits"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr("hpass.registry.entry_points", lambda **_: entries)
    return entries


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pass_is_one_error_that_names_the_package(name: str) -> None:
    value, _, reason = BROKEN[name]

    with pytest.raises(UsageError) as caught:
        Pipeline.parse(name)

    text = str(caught.value)
    assert text.startswith(f"package '{value.partition(':')[0]}': entry point '{name}' ({value}) ")
    assert reason in text
    assert "\n" not in text


@pytest.mark.usefixtures("installed")
def test_a_broken_package_affects_no_other_pass() -> None:
    assert str(Pipeline.parse("scope-parse,shout:volume=3,fallback")) == "scope-parse,shout:volume=3,fallback"


def test_standard_passes_ask_for_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpass.registry.entry_points", lambda **_: pytest.fail("packages were searched"))

    assert Pipeline.parse("all").passes == tuple(step() for step in STANDARD_PASSES)


@pytest.mark.usefixtures("installed")
def test_a_mistyped_name_imports_no_package() -> None:
    with pytest.raises(UsageError, match=r"no pass 'shouts' .*did you mean shout"):
        Pipeline.parse("shouts")

    assert not {"good", "raises", "exits"} & sys.modules.keys()


def test_a_name_that_two_packages_register_is_an_error(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("shout", "raises:Shout", "hpass.passes"))

    with pytest.raises(UsageError, match="pass 'shout' is registered by package 'good' and package 'raises'"):
        Pipeline.parse("shout")


def test_the_name_of_a_standard_pass_cannot_be_taken(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("fallback", "raises:Shout", "hpass.passes"))

    assert PassRegistry()["fallback"].__module__ == "hpass.passes.fallback"
    assert list(PassRegistry()).count("fallback") == 1


@pytest.mark.usefixtures("installed")
def test_passes_lists_what_can_be_loaded_and_reports_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["passes"], ["passes", "--json"]):
        sys.modules.pop("good", None)
        assert run_command(arguments) == 0

        out, err = capsys.readouterr()
        errors = [line for line in err.splitlines() if line != "imported"]
        assert len(errors) == len(BROKEN)
        assert all(line.startswith("hpass: package '") for line in errors)
        assert "imported" not in out
        assert len(PassRegistry()) == len((*STANDARD_PASSES, *REWRITING_PASSES)) + 1 + len(BROKEN)
    assert [entry["name"] for entry in json.loads(out)] == [
        *(step.name for step in (*STANDARD_PASSES, *REWRITING_PASSES)),
        "shout",
    ]


@pytest.mark.usefixtures("installed")
def test_completion_is_silent_about_broken_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert complete_pass("s") == [
        ("scope-parse", PassRegistry()["scope-parse"].summary()),
        ("shout", "Tag nothing, loudly."),
    ]
    assert complete_pipeline("fallback,sh") == [("fallback,shout", "Tag nothing, loudly.")]
    assert complete_setting("shout.v") == [("shout.volume=", "How loud.")]
    assert complete_setting("rai") == []

    assert capsys.readouterr() == ("", "")


def test_the_shell_completes_beside_an_installed_broken_package(tmp_path: Path) -> None:
    metadata = tmp_path / "acme-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[hpass.passes]\nfall-over = acme:Fall\n")
    (tmp_path / "acme.py").write_text("print('hello')\nraise SystemExit(3)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": path}
    shell = {"_HPASS_COMPLETE": "complete_bash", "COMP_WORDS": "hpass run --passes fa", "COMP_CWORD": "3"}
    command = [sys.executable, "-m", "hpass"]

    completed = subprocess.run(command, env=environment | shell, capture_output=True, text=True, check=True)
    listed = subprocess.run([*command, "passes"], env=environment, capture_output=True, text=True, check=True)

    assert (completed.stdout.split(), completed.stderr) == (["fallback"], "")
    assert listed.stderr == (
        "hello\nhpass: package 'acme': entry point 'fall-over' (acme:Fall) cannot be loaded (SystemExit: 3); "
        "update or uninstall the package\n"
    )

"""Every command and every Python example in the README and in docs/ runs, and prints what the text says it prints.

`$` starts a command in a console block; what follows is its output, on both streams. `...` stands for any text, alone
on a line for any lines; numbers with two or more decimals (times) match each other. A Python block that starts with
`# name.py` is saved under that name (and run by pytest where it is a test); any other is run.

With HPASS_UPDATE_DOCS=1 the outputs in the files are replaced by what the commands print now:
`HPASS_UPDATE_DOCS=1 pytest -m docs`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"\d+\\\.\d{2,}")
_NAME = re.compile(r"# (\w+\.py)\n")

DOCUMENTS = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if _BLOCK.search(path.read_text(encoding="utf-8"))
]


class Step(NamedTuple):
    """A command, and what the text says it prints (nothing where the text does not show it)."""

    command: str
    output: str


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """Return a folder like a fresh checkout: the fixtures are in it, and the commands are at hand."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures", ignore=shutil.ignore_patterns("__pycache__"))
    tools = tmp_path / ".tools"
    tools.mkdir()
    for name, call in (("hpass", "-m hpass"), ("python", ""), ("onnxslim", "-m onnxslim")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        (tools / name).chmod(0o755)
    return tmp_path


@pytest.mark.docs
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_shows_is_what_happens(document: Path, workplace: Path) -> None:
    text = document.read_text(encoding="utf-8")
    played = _BLOCK.sub(lambda block: _played(block, workplace), text)

    if os.environ.get("HPASS_UPDATE_DOCS"):
        document.write_text(played, encoding="utf-8")
    else:
        assert text == played, "`HPASS_UPDATE_DOCS=1 pytest -m docs` replaces what is out of date"


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("12 nodes\n", "12 nodes\n", True),
        ("12 nodes\n", "13 nodes\n", False),
        ("0.12 s\n", "10.03 s\n", True),
        ("0.12 s\n", "fast\n", False),
        ("93.5%\n", "93.4%\n", False),
        ("a ... c\n", "a b c\n", True),
        ("a ... c\n", "a b d\n", False),
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("a\n...\nc\n", "a\nb\n", False),
    ],
)
def test_outputs_are_compared_as_the_text_above_says(shown: str, printed: str, *, same: bool) -> None:
    assert _agree(shown, printed) == same


def test_a_block_is_read_as_commands_with_their_outputs() -> None:
    assert _steps("$ one \\\n    more\n$ two\nsays\nso\n") == [Step("one \\\n    more", ""), Step("two", "says\nso\n")]


def _played(block: re.Match[str], workplace: Path) -> str:
    """Run what is in a block and return the block as it should be: unchanged where the outputs agree."""
    kind, body = block.groups()
    if kind == "python":
        _run_python(body, workplace)
        return block[0]
    lines = [f"$ {step.command}\n{_output(step, workplace)}" for step in _steps(body)]
    return f"```console\n{''.join(lines)}```"


def _output(step: Step, workplace: Path) -> str:
    done = _run(["bash", "-c", step.command], workplace)
    failure_shown = "hpass: " in step.output
    assert done.returncode == 0 or failure_shown, f"$ {step.command}\n{done.stdout}"
    return step.output if not step.output or _agree(step.output, done.stdout) else done.stdout


def _run_python(body: str, workplace: Path) -> None:
    named = _NAME.match(body)
    command = ["python", "-c", body]
    if named is not None:
        (workplace / named[1]).write_text(body)
        command = ["python", *(["-m", "pytest", "-q"] if named[1].startswith("test_") else []), named[1]]
    done = _run(command, workplace)
    assert done.returncode == 0, f"{body}\n{done.stdout}"


def _run(command: list[str], workplace: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{workplace / '.tools'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(workplace), os.environ.get("PYTHONPATH")))),
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "80",
    }
    return subprocess.run(
        command,
        cwd=workplace,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )


def _steps(body: str) -> list[Step]:
    commands: list[str] = []
    outputs: list[str] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            commands.append(line.removeprefix("$ "))
            outputs.append("")
        elif commands and not outputs[-1] and commands[-1].endswith("\\"):
            commands[-1] += f"\n{line}"
        else:
            outputs[-1] += f"{line}\n"
    return [Step(command, output) for command, output in zip(commands, outputs, strict=True)]


def _agree(shown: str, printed: str) -> bool:
    pattern = "".join(_line_pattern(line) for line in shown.splitlines())
    return re.fullmatch(pattern, printed) is not None


def _line_pattern(line: str) -> str:
    if line == "...":
        return r"(?:.*\n)*?"
    exact = re.escape(line).replace(re.escape("..."), ".*")
    return _TIME.sub(r"\\d+\\.\\d{2,}", exact) + r" *\n"

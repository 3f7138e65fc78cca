"""Runs that are killed between any two of their system calls leave the old files, the new ones, or a journal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from skips import posix_only

pytestmark = posix_only

ROOT = Path(__file__).parents[3]


# There a sync takes no time, and no kill can tell whether it did.
MEMORY = Path("/dev/shm")  # noqa: S108 - the script makes a folder of its own in it


def kill(*arguments: str, sabotage: str = "") -> tuple[int, list[list[str]], str]:
    """Run the script; return its status, the rows of its table, and what it complains of."""
    code = f"import sys\nfrom benchmarks.attack import kills\n{sabotage}\nkills.main()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, **({"TMPDIR": str(MEMORY)} if os.access(MEMORY, os.W_OK) else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    return done.returncode, rows, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--files", "1,4", "--twice"), ("--files", "0,2", "--in-place")], ids=str)
def test_no_kill_leaves_a_mixed_set(arguments: tuple[str, ...]) -> None:
    status, rows, complaints = kill("--count", "20", "--size", "65536", *arguments)
    assert (status, complaints) == (0, "")
    for _files, _kind, number, old, new, journal, mixed, problems in rows:
        assert int(number) == int(old) + int(new) + int(journal) > 0
        assert (mixed, problems) == ("0", "0")


@pytest.mark.slow
def test_the_script_finds_what_it_looks_for() -> None:
    sabotage = "from hpass.graph.files import transaction\ntransaction._FileSet._become_journal = lambda _: None"
    status, [[*_, mixed, problems], _], complaints = kill("--count", "1", "--files", "2", sabotage=sabotage)
    assert status == 1
    assert int(mixed) > 0
    assert int(problems) >= int(mixed)
    assert "old, then mixed" in complaints or "mixed, then mixed" in complaints

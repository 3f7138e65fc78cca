"""Tests with other versions of the dependencies: `nox -f .ci/noxfile.py`.

This file is not in the root, because all modules there are part of the package.
"""

from __future__ import annotations

from pathlib import Path

import nox

ROOT = Path(__file__).parents[1]


@nox.session
@nox.parametrize("transformers", ["5.23", "5.24"])
def exporter(session: nox.Session, transformers: str) -> None:
    """Run the exporter's tests with each version of transformers that it supports."""
    session.chdir(ROOT)
    session.install(".[test]")
    # In a second step, because the extra pins one version.
    session.install(f"transformers=={transformers}.*")
    session.run("pytest", "-m", "", "tests/exporter", *session.posargs)

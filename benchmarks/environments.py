"""Virtual environments for tools that are no dependency."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_INSTALL_TIME_LIMIT_S = 3_600
_RUN_TIME_LIMIT_S = 600


class ToolError(Exception):
    """pip or the tool failed; the text is the last line that it wrote."""


@dataclass(frozen=True)
class Tool:
    """A package of pip, and what else it needs. With `alone`, pip does not install the dependencies it declares."""

    package: str
    requirements: tuple[str, ...]
    alone: bool = False


class Environments:
    """The virtual environments below a folder. An environment that is there is used as it is."""

    def __init__(self, folder: Path) -> None:
        """Make the environments below `folder` when they are first needed."""
        self._folder = folder.absolute()

    def version(self, tool: Tool) -> str:
        """Return the version of the tool, and install it if need be. Raises ToolError if pip fails."""
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        return _run([str(self._python(tool)), "-c", code, tool.package], _RUN_TIME_LIMIT_S).strip()

    def run(self, tool: Tool, script: Path, *arguments: str | Path) -> str:
        """Run a script in the environment of a tool and return its output. Raises ToolError if it fails."""
        return _run([str(self._python(tool)), str(script), *map(str, arguments)], _RUN_TIME_LIMIT_S)

    def _python(self, tool: Tool) -> Path:
        folder = self._folder / tool.package
        python = folder / "bin" / "python"
        installed = folder / "installed"
        if not installed.exists():
            _run([sys.executable, "-m", "venv", "--clear", str(folder)], _INSTALL_TIME_LIMIT_S)
            pip = [str(python), "-m", "pip", "install", "--quiet"]
            if tool.alone:
                _run([*pip, "--no-deps", tool.package], _INSTALL_TIME_LIMIT_S)
            requirements = tool.requirements if tool.alone else (tool.package, *tool.requirements)
            _run([*pip, *requirements], _INSTALL_TIME_LIMIT_S)
            installed.touch()
        return python


def _run(command: Sequence[str], time_limit_s: float) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # The tools send reports of their use unless they are told not to.
    environment |= {"OLIVE_DISABLE_TELEMETRY": "1", "CI": "true"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=time_limit_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"takes more than {time_limit_s:.0f} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ToolError(lines[-1].strip() if lines else f"status {done.returncode}")
    return done.stdout

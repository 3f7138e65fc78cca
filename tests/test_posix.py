"""Every module can be imported on a system without the modules, signals and calls of POSIX."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from product import ROOT, sources

LIBRARIES = ["onnx", "onnxruntime", "typer"]
LIBRARIES_OF_THE_EXPORTER = ["torch", "transformers.pipelines", "onnxscript"]

# Libraries come first: what they import on POSIX is not what they import elsewhere.
_IMPORT_WITHOUT_POSIX = """
import builtins, importlib, json, os, signal, sys
import multiprocessing.connection, concurrent.futures.process, subprocess, tempfile
for library in json.loads(sys.argv[2]):
    importlib.import_module(library)

absent = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
imported = builtins.__import__

def without_posix(name, namespace=None, *arguments, **named):
    importer = (namespace or named.get("globals") or {}).get("__name__", "")
    if name in absent and importer.split(".")[0] in {"hpass", "benchmarks", "training"}:
        raise ModuleNotFoundError(f"No module named {name!r}")
    return imported(name, namespace, *arguments, **named)

builtins.__import__ = without_posix
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGXCPU", "SIGXFSZ", "ITIMER_REAL",
             "alarm", "setitimer", "pthread_sigmask", "sigwait"):
    delattr(signal, name)
for name in ("fork", "geteuid", "getuid", "fchown", "fchmod", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "SEEK_DATA",
             "SEEK_HOLE", "copy_file_range", "posix_fadvise", "killpg", "mkfifo", "wait4", "sched_getaffinity"):
    delattr(os, name)

failures = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except Exception as error:
        failures[name] = repr(error)
print(json.dumps(failures))
"""


def test_the_package_is_imported_without_posix() -> None:
    paths = [path for path in sources() if path != "__main__.py" and not path.startswith("exporter/")]

    assert failures_without_posix("hpass.", paths, LIBRARIES) == {}


@pytest.mark.torch
def test_the_exporter_is_imported_without_posix() -> None:
    paths = [path for path in sources() if path.startswith("exporter/")]

    assert failures_without_posix("hpass.", paths, [*LIBRARIES, *LIBRARIES_OF_THE_EXPORTER]) == {}


@pytest.mark.torch
def test_benchmarks_and_training_are_imported_without_posix() -> None:
    folders = (ROOT / "benchmarks", ROOT / "training")
    files = [path.relative_to(ROOT) for folder in folders for path in sorted(folder.rglob("*.py"))]
    # What is in a folder `tools` is a script that runs in an environment of its own.
    paths = [path.as_posix() for path in files if path.parent.name != "tools"]

    # They are no part of the package.
    assert failures_without_posix("", paths, [*LIBRARIES, *LIBRARIES_OF_THE_EXPORTER]) == {}


def failures_without_posix(package: str, paths: list[str], libraries: list[str]) -> dict[str, str]:
    """Return the modules of some files of the repository that cannot be imported, each with its error."""
    names = [f"{package}{path.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__") for path in paths]
    command = [sys.executable, "-c", _IMPORT_WITHOUT_POSIX, json.dumps(names), json.dumps(libraries)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)

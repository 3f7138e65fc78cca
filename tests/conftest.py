"""Makes `benchmarks` and `training` importable, and lays fixtures out as the benchmark's cache does.

hypothesis may take as long as it likes: how long an example takes says more about the machine than about the code.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A name that is no local folder must not be looked up, which takes 20 s without a network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# They lie in the checkout and are no part of the package.
sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.accuracy.corpus import Entry

settings.register_profile("hpass", deadline=None)
settings.load_profile("hpass")

if hasattr(signal, "SIGHUP"):
    # Under nohup it is ignored, and so it would be in every process that a test starts.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# They start shells, send signals, and set limits of memory and of files, which Windows does not have.
_POSIX_ONLY = [
    "graph/files/test_limited_read.py",
    "graph/files/test_transaction.py",
    "graph/verify/test_runtime.py",
    "test_docs.py",
]
collect_ignore = [] if os.name == "posix" else _POSIX_ONLY

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="session")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Entry]:
    """Return what puts a fixture into a cache folder; the ending of its name says which engine wrote it."""
    cache = tmp_path_factory.mktemp("cache")

    def entry(name: str) -> Entry:
        folder = cache / name
        folder.mkdir(exist_ok=True)
        shutil.copy(FIXTURES / f"{name}.onnx", folder / "model.onnx")
        shutil.copy(FIXTURES / "modules" / f"{name}.json", folder / "modules.json")
        rows = json.loads((FIXTURES / "truth" / f"{name}.json").read_text(encoding="utf-8"))
        (folder / "truth.json").write_text(json.dumps([row["scope"] for row in rows]), encoding="utf-8")
        model = name.removesuffix("_torchscript")
        return Entry(model, "current" if model == name else "torchscript", folder)

    return entry

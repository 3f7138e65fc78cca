"""Tag the models, kill something meanwhile, and see what is there at the end. Needs Linux."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .outputs import Outputs

KILLS = ("nothing", "a worker", "the run")
_POLL_S = 0.2


class Way(NamedTuple):
    """A way to tag many models.

    `arguments` are those of `hpass run`. `workers_parent` is the process whose children tag; None if it is the run.
    """

    name: str
    arguments: Sequence[str]
    outputs: Outputs
    environment: Mapping[str, str] = {}
    workers_parent: int | None = None


class Row(NamedTuple):
    """What became of a run in which something was killed, when half of the models were done.

    `memory` is the peak of the process that hands out the models, in bytes. `lines` is the number of lines that the
    manifest has, `models` that of the models in them, `outputs` that of the files written, and `same` that of the files
    that are equal to those of an undisturbed run. `load` is that of the machine.
    """

    way: str
    killed: str
    files: int
    seconds: float
    memory: int
    lines: int
    models: int
    outputs: int
    same: int
    load: float


def measure(way: Way, killed: str, files: int, manifest: Path, expected: Mapping[str, str] | None) -> Row:
    """Tag the models in one way. `expected` are the checksums of the outputs; None if they are not known yet.

    If the run itself is killed, the same command is run again. Raises CalledProcessError if a run fails.
    """
    manifest.unlink(missing_ok=True)
    way.outputs.clear()
    began = time.perf_counter()
    memory = 0
    if killed == "the run":
        memory = _run(way, manifest, killed, files)
    memory = max(memory, _run(way, manifest, "nothing" if killed == "the run" else killed, files))
    seconds = time.perf_counter() - began
    load = os.getloadavg()[1]
    inputs = [json.loads(line)["input"] for line in _lines(manifest)]
    found = way.outputs.digests()
    same = sum(expected is None or expected.get(name) == digest for name, digest in found.items())
    return Row(way.name, killed, files, seconds, memory, len(inputs), len(set(inputs)), len(found), same, load)


def _run(way: Way, manifest: Path, killed: str, files: int) -> int:
    """Run hpass once and return the peak of its memory in bytes."""
    command = [sys.executable, "-m", "hpass", "run", *way.arguments, "--manifest", str(manifest)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **way.environment})
    memory = 0
    victim = None
    while process.poll() is None:
        memory = max(memory, _peak_memory(process.pid))
        if killed != "nothing" and victim is None and len(_lines(manifest)) >= files // 2:
            victim = process.pid if killed == "the run" else _workers(way.workers_parent or process.pid)[0]
            os.kill(victim, signal.SIGKILL)
        time.sleep(_POLL_S)
    if process.returncode != (-signal.SIGKILL if killed == "the run" else 0):
        raise subprocess.CalledProcessError(process.returncode, command)
    return memory


def _lines(manifest: Path) -> list[bytes]:
    """Return the lines of the models that are done."""
    return manifest.read_bytes().splitlines()[1:] if manifest.exists() else []


def _workers(parent: int) -> list[int]:
    of_threads = [path.read_text(encoding="ascii").split() for path in Path(f"/proc/{parent}/task").glob("*/children")]
    children = [child for of_thread in of_threads for child in of_thread]
    # Others count the resources in use.
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _peak_memory(process: int) -> int:
    """Return the peak of a process in bytes; 0 if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(sizes[0]) << 10 if sizes else 0

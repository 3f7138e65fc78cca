"""Whole processes, their time and memory, run in turns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

Command = Sequence[str]
ONE_TURN = 60.0  # seconds


@dataclass
class Runs:
    """What came of one command's runs: seconds of each by the clock and of the processor, the most memory, in bytes."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: int = 0
    problem: str | None = None

    def ratio(self, base: Runs) -> float | None:
        """Return how many times as long as the other it took: the median over rounds, in which both had one turn."""
        return None if self.problem or base.problem else _median_ratio(self.seconds, base.seconds)

    def processor_ratio(self, base: Runs) -> float | None:
        """Return the same for the time of the processor, which says more on a busy machine."""
        return None if self.problem or base.problem else _median_ratio(self.processor, base.processor)

    def excess(self, base: Runs) -> float | None:
        """Return how many seconds longer than the other it took, the median over rounds."""
        if self.problem or base.problem:
            return None
        return median(ours - theirs for ours, theirs in zip(self.seconds, base.seconds, strict=False))


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median(one / other for one, other in zip(ours, theirs, strict=False))


def take_turns(commands: Mapping[str, Command], rounds: int, limit: float) -> dict[str, Runs]:
    """Run all commands once per round, one at a time.

    One that takes over a minute has no second turn; one that fails or takes more than `limit` seconds is out.
    """
    results = {name: Runs() for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if results[name].problem is None and max(results[name].seconds, default=0) < ONE_TURN:
                _run(name, command, limit, results[name])
    return results


def _run(name: str, command: Command, limit: float, result: Runs) -> None:
    if shutil.which(command[0]) is None:
        result.problem = "not installed"
        return
    # Compiling the package anew in each process is no part of using it.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # wait4 tells the memory, and waits for ever: a timer ends what takes too long.
    timer = threading.Timer(limit, process.kill)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        result.problem = f"more than {limit:g} s" if seconds >= limit else f"fails (status {process.returncode})"
        return
    result.seconds.append(seconds)
    result.processor.append(usage.ru_utime + usage.ru_stime)
    # Kilobytes on Linux, bytes on macOS.
    result.memory = max(result.memory, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    sys.stderr.write(f"{name:24s}{seconds:8.2f} s {result.memory >> 20:6d} MB\n")

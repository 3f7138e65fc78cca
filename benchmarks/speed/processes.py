"""Run commands in turns and measure their time and memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Command = Sequence[str]
MAX_REPEATED_S = 60.0  # seconds


@dataclass
class Runs:
    """The runs of one command.

    `seconds` and `processor` are the wall-clock and processor times of each run, in seconds. `memory` is the peak in
    bytes. `problem` is set if the command failed.
    """

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: int = 0
    problem: str | None = None

    def ratio(self, base: Runs) -> float | None:
        """Return the median over all rounds of the ratio of the wall-clock times; None if a command failed."""
        return None if self.problem or base.problem else _median_ratio(self.seconds, base.seconds)

    def processor_ratio(self, base: Runs) -> float | None:
        """Return the median ratio of the processor times, which depends less on the load of the machine."""
        return None if self.problem or base.problem else _median_ratio(self.processor, base.processor)

    def ratio_beyond(self, start: Runs, base: Runs) -> float | None:
        """Return the median ratio of the wall-clock times after those of `start` have been subtracted from ours."""
        if self.problem or start.problem or base.problem:
            return None
        ours = [seconds - begun for seconds, begun in zip(self.seconds, start.seconds, strict=False)]
        return _median_ratio(ours, base.seconds)

    def median(self) -> float:
        """Return the median of the wall-clock times, in seconds. Raises StatisticsError if the command never ran."""
        return median(self.seconds)

    def excess(self, base: Runs) -> float | None:
        """Return the median over all rounds of the difference of the wall-clock times, in seconds."""
        if self.problem or base.problem:
            return None
        return median(ours - theirs for ours, theirs in zip(self.seconds, base.seconds, strict=False))


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median(one / other for one, other in zip(ours, theirs, strict=False))


def copy_command(source: Path, target: Path) -> Command:
    """Return a command that copies a file and waits until the copy is on the disk."""
    return ("sh", "-c", 'cp --reflink=never "$1" "$2" && sync "$2"', "sh", str(source), str(target))


def take_turns(
    commands: Mapping[str, Command],
    rounds: int,
    limit_s: float,
    *,
    outputs: Sequence[Path] = (),
    prepare: Callable[[str], None] | None = None,
) -> dict[str, Runs]:
    """Run all commands once per round, one at a time.

    Before each command, the files `outputs` are removed and `prepare` is called with the name of the command.

    A command that takes more than MAX_REPEATED_S seconds runs only once. A command that fails or takes more than
    `limit_s` seconds does not run again.
    """
    results = {name: Runs() for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if results[name].problem is None and max(results[name].seconds, default=0) < MAX_REPEATED_S:
                for path in outputs:
                    path.unlink(missing_ok=True)
                if prepare is not None:
                    prepare(name)
                _run(name, command, limit_s, results[name])
    return results


def _run(name: str, command: Command, limit_s: float, result: Runs) -> None:
    if shutil.which(command[0]) is None:
        result.problem = "not installed"
        return
    # Users do not compile the package in each process, so bytecode files must be written.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    # Otherwise a process waits for the disk to write what the one before has left.
    os.sync()
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # wait4 returns the memory but has no time limit, so a timer kills the process.
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        result.problem = f"more than {limit_s:g} s" if seconds >= limit_s else f"fails (status {process.returncode})"
        return
    result.seconds.append(seconds)
    result.processor.append(usage.ru_utime + usage.ru_stime)
    # Kilobytes on Linux, bytes on macOS.
    result.memory = max(result.memory, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    sys.stderr.write(f"{name:24s}{seconds:8.2f} s {result.memory >> 20:6d} MB\n")

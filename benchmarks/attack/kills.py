"""Kill runs while they write, and check the files afterwards: `python -m benchmarks.attack.kills`.

A model with weights inside and external data overwrites an older one with the same file names. The writing process is
killed before each of its system calls in turn, and at random times. With `--twice`, the process that completes a
journal is also killed before each of its system calls. After a kill there must be the old files, the new files, or a
journal that the next command completes. The killed processes are forks of this one, so the benchmark needs a POSIX
system.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import onnx.parser

import hpass

TEXT = '<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] y) { y = Relu(x) }'
# The functions of these modules make system calls. Those that change no file are excluded.
_SYSTEM_MODULES = {"posix", "fcntl", "_io", "io"}
_READING_FUNCTIONS = {
    "_path_normpath", "fileno", "fspath", "fstat", "getcwd", "geteuid", "listdir", "lseek", "lstat", "read",
    "readlink", "scandir", "seek", "stat", "strerror", "tell",
}  # fmt: skip
_KILLED_STATUS = 86


@dataclass
class KillCounts:
    """The states of the files after the kills of one kind, by number, and the problems."""

    kills: int = 0
    found: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Scenario:
    """Two sets of files with the same names: the old set, and the new set that a run writes over it."""

    folder: Path
    files: int
    size: int
    in_place: bool

    @property
    def target(self) -> Path:
        """The path of the model that is written."""
        return self.folder / "out" / "model.onnx"

    @property
    def source(self) -> Path:
        """The path of the model that is read."""
        return self.target if self.in_place else self.folder / "in" / "model.onnx"

    def prepare(self) -> None:
        """Remove all files, and write the old set."""
        shutil.rmtree(self.target.parent, ignore_errors=True)
        _write_set(self.target, self.files, self.size, b"o")
        if not self.in_place and not self.source.parent.exists():
            _write_set(self.source, self.files, self.size, b"n")

    def write(self, run: hpass.Run) -> None:
        """Write the new set."""
        run.save(self.target)

    def content(self) -> dict[str, bytes]:
        """Return the content of every file by name, except files in staging folders and journals."""
        root = self.target.parent
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not any(part.startswith(".hpass-") for part in path.relative_to(root).parts)
        }

    def unfinished(self) -> list[str]:
        """Return the names of the staging folders and journals."""
        return [path.name for path in self.target.parent.glob(".hpass-*")]


def _write_set(model_path: Path, files: int, size: int, letter: bytes) -> None:
    model_path.parent.mkdir(parents=True)
    model = onnx.parser.parse_model(TEXT)
    model.doc_string = letter.decode()
    # It is copied from the file that is read.
    model.graph.initializer.add(name="inside", data_type=onnx.TensorProto.UINT8, dims=[size], raw_data=letter * size)
    for number in range(files):
        # Two thirds of the files are in a subfolder.
        name = f"weights/{number}.bin" if number % 3 else f"{number}.bin"
        tensor = model.graph.initializer.add(name=f"w{number}", data_type=onnx.TensorProto.UINT8, dims=[size])
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)
        (model_path.parent / name).parent.mkdir(exist_ok=True)
        (model_path.parent / name).write_bytes(letter * size)
    model_path.write_bytes(model.SerializeToString())


def _in_child(work: Callable[[], object], *, kill_before: int | None = None, moment: float | None = None) -> int:
    """Run `work` in a forked process and return its exit status, negative for a signal, 0 if it was not killed.

    The process is killed before its system call number `kill_before`, or `moment` seconds after its start.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            if kill_before is not None:
                sys.setprofile(_Killer(kill_before))
            work()
            status = 0
        finally:
            sys.setprofile(None)
            os._exit(status)
    if moment is not None:
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Killer:
    """A profile function that ends the process before the system call with a number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, _frame: object, event: str, function: Any) -> None:
        if event != "c_call" or function.__name__ in _READING_FUNCTIONS:
            return
        owner = getattr(function, "__module__", None) or type(getattr(function, "__self__", None)).__module__
        if owner in _SYSTEM_MODULES:
            if not self.left:
                os._exit(_KILLED_STATUS)
            self.left -= 1


class Attack:
    """Kills a run in one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        scenario.prepare()
        self.run = hpass.run(scenario.source)
        self.old = scenario.content()
        started = time.perf_counter()
        if _in_child(lambda: scenario.write(self.run)):
            raise AssertionError("the run fails without a kill")
        self.seconds = time.perf_counter() - started
        self.new = scenario.content()

    def every_call(self) -> KillCounts:
        """Kill the run before each system call in turn."""
        tally = KillCounts()
        for number in _counter():
            self.scenario.prepare()
            if not _in_child(self._write, kill_before=number):
                return tally
            self._check_files(f"killed before call {number}", tally)
        raise AssertionError("unreachable: the counter has no end")

    def random_moments(self, count: int, seed: int = 0) -> KillCounts:
        """Kill the run at `count` random times within its usual duration."""
        tally, moments = KillCounts(), random.Random(seed)
        while tally.kills < count:
            self.scenario.prepare()
            moment = moments.uniform(0, self.seconds)
            if _in_child(self._write, moment=moment):
                self._check_files(f"killed after {moment:.4f} s", tally)
        return tally

    def every_call_twice(self) -> KillCounts:
        """Kill as `every_call` does. If a journal is left, also kill the process that completes it before each call."""
        tally = KillCounts()
        for number in _counter():
            for second in _counter():
                self.scenario.prepare()
                if not _in_child(self._write, kill_before=number):
                    return tally
                if ".hpass-journal" not in self.scenario.unfinished():
                    break
                finished = not _in_child(self._read, kill_before=second)
                self._check_files(f"killed before call {number}, then before call {second}", tally)
                if finished:
                    break
        raise AssertionError("unreachable: the counter has no end")

    def _write(self) -> None:
        self.scenario.write(self.run)

    def _read(self) -> None:
        hpass.load(self.scenario.target)

    def _check_files(self, kill: str, tally: KillCounts) -> None:
        """Record the state after a kill, let a reading command complete it, and let a writing command clean up."""
        tally.kills += 1
        state = "journal" if ".hpass-journal" in self.scenario.unfinished() else self._state()
        try:
            self._read()
        except hpass.HpassError as error:
            tally.problems.append(f"{kill}: {error}")
        after = self._state()
        if after != ("new" if state == "journal" else state) or after == "mixed":
            tally.problems.append(f"{kill}: {state}, then {after}")
        tally.found["mixed" if after == "mixed" else state] += 1
        self._write()
        if self._state() != "new" or self.scenario.unfinished():
            tally.problems.append(f"{kill}: the next run leaves {self._state()} and {self.scenario.unfinished()}")

    def _state(self) -> str:
        content = self.scenario.content()
        return "old" if content == self.old else "new" if content == self.new else "mixed"


def _counter() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def main() -> None:
    """Run the kills and print the table. The exit status is 1 if there is a problem."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="number of kills at random times (default: 200)")
    parser.add_argument("--files", default="1,4,12", help="numbers of external files (default: 1,4,12)")
    parser.add_argument(
        "--size",
        type=int,
        default=1 << 20,
        help="size of each external file for random kills, in bytes (default: 1 MiB)",
    )
    parser.add_argument("--in-place", action="store_true", help="overwrite the input")
    parser.add_argument("--twice", action="store_true", help="also kill the process that completes a journal")
    arguments = parser.parse_args()
    sys.stdout.write("| external files | kills | number | old | new | journal, completed | mixed | other problems |\n")
    sys.stdout.write("|--:|---|--:|--:|--:|--:|--:|--:|\n")
    problems: list[str] = []
    for files in map(int, arguments.files.split(",")):
        for kind, tally in _attacks(files, arguments):
            figures = " | ".join(str(tally.found[state]) for state in ("old", "new", "journal", "mixed"))
            sys.stdout.write(f"| {files} | {kind} | {tally.kills} | {figures} | {len(tally.problems)} |\n")
            sys.stdout.flush()
            problems += [f"{files} files: {problem}\n" for problem in tally.problems]
    sys.stderr.writelines(problems)
    sys.exit(bool(problems))


def _attacks(files: int, arguments: argparse.Namespace) -> Iterator[tuple[str, KillCounts]]:
    for size, kinds in ((1 << 10, ("every call", "twice")), (arguments.size, ("random",))):
        with tempfile.TemporaryDirectory(prefix="hpass-kills-") as folder:
            attack = Attack(Scenario(Path(folder), files, size, arguments.in_place))
            if "random" in kinds:
                yield "at random moments", attack.random_moments(arguments.count)
                continue
            yield "before every system call", attack.every_call()
            if arguments.twice:
                yield "and in the recovery", attack.every_call_twice()


if __name__ == "__main__":
    main()

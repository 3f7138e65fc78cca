"""Kills runs while they write, and looks at what is there afterwards: `python -m benchmarks.attack.kills`.

A model with external data is written over an older one of the same layout. The writing process is killed before each
of its system calls in turn, and at random moments; after some of the kills, the process that completes the work is
killed before each of its own system calls as well. What is found then must be the old files or the new ones, or a
journal that the next command completes. The killed processes are forks of this one, so it needs a POSIX system.
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
# Functions of these modules reach the system; those that change nothing there are left out.
_SYSTEM = {"posix", "fcntl", "_io", "io"}
_READING = {
    "_path_normpath", "fileno", "fspath", "fstat", "getcwd", "geteuid", "listdir", "lseek", "lstat", "read",
    "readlink", "scandir", "seek", "stat", "strerror", "tell",
}  # fmt: skip
_KILLED = 86


@dataclass
class Tally:
    """What was found after the kills of one kind."""

    kills: int = 0
    found: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Scene:
    """Two sets of files under the same names: the one that is there and the one that a run puts in its place."""

    folder: Path
    files: int
    size: int
    in_place: bool

    @property
    def target(self) -> Path:
        """The model that is written."""
        return self.folder / "out" / "model.onnx"

    @property
    def source(self) -> Path:
        """The model that is read."""
        return self.target if self.in_place else self.folder / "in" / "model.onnx"

    def prepare(self) -> None:
        """Put the older set in place, and nothing else."""
        shutil.rmtree(self.target.parent, ignore_errors=True)
        _write_set(self.target, self.files, self.size, b"o")
        if not self.in_place and not self.source.parent.exists():
            _write_set(self.source, self.files, self.size, b"n")

    def write(self, run: hpass.Run) -> None:
        """Write the set anew."""
        run.save(self.target)

    def content(self) -> dict[str, bytes]:
        """Return every file that is there but for those of unfinished work."""
        root = self.target.parent
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not any(part.startswith(".hpass-") for part in path.relative_to(root).parts)
        }

    def unfinished(self) -> list[str]:
        """Return the folders of unfinished work."""
        return [path.name for path in self.target.parent.glob(".hpass-*")]


def _write_set(model_path: Path, files: int, size: int, letter: bytes) -> None:
    model_path.parent.mkdir(parents=True)
    model = onnx.parser.parse_model(TEXT)
    model.doc_string = letter.decode()
    for number in range(files):
        # Some lie in a folder of their own.
        name = f"weights/{number}.bin" if number % 3 else f"{number}.bin"
        tensor = model.graph.initializer.add(name=f"w{number}", data_type=onnx.TensorProto.UINT8, dims=[size])
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)
        (model_path.parent / name).parent.mkdir(exist_ok=True)
        (model_path.parent / name).write_bytes(letter * size)
    model_path.write_bytes(model.SerializeToString())


def _in_child(work: Callable[[], object], *, kill_before: int | None = None, moment: float | None = None) -> int:
    """Run something in a process of its own; return its exit status, negative for a signal.

    It ends before its system call number `kill_before`, or is killed `moment` seconds after its start. 0 means that it
    came to its end.
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
    """A profile function that ends the process before a certain system call."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, _frame: object, event: str, function: Any) -> None:
        if event != "c_call" or function.__name__ in _READING:
            return
        owner = getattr(function, "__module__", None) or type(getattr(function, "__self__", None)).__module__
        if owner in _SYSTEM:
            if not self.left:
                os._exit(_KILLED)
            self.left -= 1


class Attack:
    """Kills in one scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        scene.prepare()
        self.run = hpass.run(scene.source)
        self.old = scene.content()
        started = time.perf_counter()
        if _in_child(lambda: scene.write(self.run)):
            raise AssertionError("the run fails even if nobody kills it")
        self.seconds = time.perf_counter() - started
        self.new = scene.content()

    def every_call(self) -> Tally:
        """Kill before the first system call, before the second, and so on to the end."""
        tally = Tally()
        for number in _counting():
            self.scene.prepare()
            if not _in_child(self._write, kill_before=number):
                return tally
            self._look(f"killed before call {number}", tally)
        raise AssertionError("the numbers do not end")

    def random_moments(self, count: int, seed: int = 0) -> Tally:
        """Kill at moments of the run's usual time."""
        tally, moments = Tally(), random.Random(seed)
        while tally.kills < count:
            self.scene.prepare()
            moment = moments.uniform(0, self.seconds)
            if _in_child(self._write, moment=moment):
                self._look(f"killed after {moment:.4f} s", tally)
        return tally

    def every_call_twice(self) -> Tally:
        """Kill as `every_call`, and if a journal is left, kill whoever completes it before each of its calls."""
        tally = Tally()
        for number in _counting():
            for second in _counting():
                self.scene.prepare()
                if not _in_child(self._write, kill_before=number):
                    return tally
                if ".hpass-journal" not in self.scene.unfinished():
                    break
                finished = not _in_child(self._read, kill_before=second)
                self._look(f"killed before call {number}, then before call {second}", tally)
                if finished:
                    break
        raise AssertionError("the numbers do not end")

    def _write(self) -> None:
        self.scene.write(self.run)

    def _read(self) -> None:
        hpass.load(self.scene.target)

    def _look(self, kill: str, tally: Tally) -> None:
        """Say what a kill has left, let a command that reads complete it, and one that writes clean up."""
        tally.kills += 1
        state = "journal" if ".hpass-journal" in self.scene.unfinished() else self._state()
        try:
            self._read()
        except hpass.HpassError as error:
            tally.problems.append(f"{kill}: {error}")
        after = self._state()
        if after != ("new" if state == "journal" else state) or after == "mixed":
            tally.problems.append(f"{kill}: {state}, then {after}")
        tally.found["mixed" if after == "mixed" else state] += 1
        self._write()
        if self._state() != "new" or self.scene.unfinished():
            tally.problems.append(f"{kill}: the next run leaves {self._state()} and {self.scene.unfinished()}")

    def _state(self) -> str:
        content = self.scene.content()
        return "old" if content == self.old else "new" if content == self.new else "mixed"


def _counting() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def main() -> None:
    """Kill, print what was found, and end with 1 if anything was lost or mixed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="kills at random moments (default: 200)")
    parser.add_argument("--files", default="1,4,12", help="numbers of external files (default: 1,4,12)")
    parser.add_argument("--size", type=int, default=1 << 20, help="bytes of each for random kills (default: 1 MiB)")
    parser.add_argument("--in-place", action="store_true", help="write over the input")
    parser.add_argument("--twice", action="store_true", help="also kill whoever completes the work")
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


def _attacks(files: int, arguments: argparse.Namespace) -> Iterator[tuple[str, Tally]]:
    for size, kinds in ((1 << 10, ("every call", "twice")), (arguments.size, ("random",))):
        with tempfile.TemporaryDirectory(prefix="hpass-kills-") as folder:
            attack = Attack(Scene(Path(folder), files, size, arguments.in_place))
            if "random" in kinds:
                yield "at random moments", attack.random_moments(arguments.count)
                continue
            yield "before every system call", attack.every_call()
            if arguments.twice:
                yield "and in the recovery", attack.every_call_twice()


if __name__ == "__main__":
    main()

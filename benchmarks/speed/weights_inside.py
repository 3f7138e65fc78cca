"""Compare hpass with cp on models with all weights inside the file: `python -m benchmarks.speed.weights_inside`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.output import write_page

from .load import add_load_option, checked_load, machine
from .processes import Command, Runs, copy_command, take_turns

MODELS = {"0.5 GB": "gpt2-12", "1.9 GB": "gpt2-61", "3.0 GB": "gpt2-100"}
PROCESS_LIMIT_S = 300.0  # for one process
IMPORTS = "import onnx, onnx_graphsurgeon, hpass.cli.run_job"
COPY_AND_MOVE = 'cp --reflink=never "$1" "$2" && sync "$2" && mv "$2" "$3"'
LOAD_AND_SAVE = "import sys, onnx; onnx.save(onnx.load(sys.argv[1]), sys.argv[2])"
FROM_DISK = ", from the disk"
WRITERS = ("`run`", "`run --in-place`", "`strip`", "onnx.load and save", f"`run`{FROM_DISK}", f"`strip`{FROM_DISK}")
_READ_BYTES = 1 << 20
NODE = "/transformer/h.1/mlp/c_fc/MatMul"

INTRODUCTION = """\
# Weights inside the file

Made by `python -m benchmarks.speed.weights_inside --out docs/results/weights-inside.md`. The models have the nodes and
the sizes of GPT-2 with 12, 61 and 100 layers, and random weights. Processes take turns; each time is the median of all
rounds, by the clock, and each size the peak of memory. The time of a command that writes a model is without that of a
process that only imports what a run imports, and a multiple of `cp --reflink=never A B && sync B`; the aim is 1.5 times
and 150 MB. The other times are those of whole processes. *cp and mv* replaces a model by the copy, as `--in-place`
does; the system takes time to free the old file.
"""
ABOUT_THE_CACHE = """\
The models are read before each process, so that the system has them in its cache. A process that must read its input
from the disk takes longer, as the last rows show, and a system that is short of memory keeps some files in its cache
and not others. For the rows *from the disk* the models are removed from the cache; these are multiples of `cp` from the
disk.
"""


def main() -> None:
    """Measure, and write the page to a file or to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.weights_inside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each process (default: 5)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="sizes (default: all)")
    parser.add_argument("--folder", type=Path, help="where there is room for four copies of a model")
    parser.add_argument("--out", type=Path, help="Markdown file (default: standard output)")
    add_load_option(parser)
    arguments = parser.parse_args()
    load = checked_load(arguments.max_load)
    measured: dict[str, dict[str, Runs]] = {}
    for name in arguments.models:
        with tempfile.TemporaryDirectory(prefix="hpass-speed-", dir=arguments.folder) as folder:
            measured[name] = _measure(MODELS[name], Path(folder), arguments.rounds)
    text = page(measured, arguments.rounds, load)
    write_page(text, arguments.out)


def page(measured: Mapping[str, Mapping[str, Runs]], rounds: int, load: float) -> str:
    """Return the page for the runs of each command, by the size of the model and the command."""
    first, *_ = measured.values()
    rows = {name: [_cell(runs, name) for runs in measured.values()] for name in first}
    lines = [
        INTRODUCTION,
        ABOUT_THE_CACHE,
        f"{rounds} rounds, {machine(load)}.",
        "",
        f"| command | {' | '.join(measured)} |",
        f"|---|{'---|' * len(measured)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()),
    ]
    return "\n".join((*lines, ""))


def _cell(runs: Mapping[str, Runs], command: str) -> str:
    found = runs[command]
    if found.problem is not None:
        return found.problem
    base = runs[f"cp{FROM_DISK}" if command.endswith(FROM_DISK) else "cp"]
    beyond = found.ratio_beyond(runs["imports"], base) if command in WRITERS else None
    time = f"{found.median():.2f} s" if beyond is None else f"{beyond:.2f} times cp"
    return f"{time}, {found.memory >> 20} MB"


def _measure(model: str, folder: Path, rounds: int) -> dict[str, Runs]:
    path, out, own, copy = (folder / f"{name}.onnx" for name in ("model", "out", "own", "copy"))
    # In another process, because a child's peak memory includes that of its parent at the fork.
    subprocess.run([sys.executable, "-m", "benchmarks.speed.synthetic_models", model, str(path)], check=True)
    shutil.copy(path, own)

    def hpass(*words: str | Path) -> Command:
        return (sys.executable, "-m", "hpass", *map(str, words))

    commands: dict[str, Command] = {
        "cp": copy_command(path, copy),
        "cp and mv": ("sh", "-c", COPY_AND_MOVE, "sh", str(path), str(copy), str(own)),
        "imports": (sys.executable, "-c", IMPORTS),
        "`run`": hpass("run", path, "-o", out),
        "`run --in-place`": hpass("run", "--in-place", own),
        "`strip`": hpass("strip", own, "-o", out),
        "`tree`": hpass("tree", own),
        "`show`": hpass("show", own, NODE),
        "`validate --against`": hpass("validate", own, "--against", path),
        "`diff`": hpass("diff", own, path),
        "onnx.load and save": (sys.executable, "-c", LOAD_AND_SAVE, str(path), str(copy)),
    }
    commands |= {f"{name}{FROM_DISK}": commands[name] for name in ("cp", "`run`", "`strip`")}

    def prepare(command: str) -> None:
        for file in (path, own):
            _set_cached(file, is_cached=not command.endswith(FROM_DISK))

    # With more large files on it, the disk of some machines becomes several times slower.
    return take_turns(commands, rounds, PROCESS_LIMIT_S, outputs=(out, copy), prepare=prepare)


def _set_cached(path: Path, *, is_cached: bool) -> None:
    """Read a file, so that the system has it in its cache, or remove it from the cache."""
    with path.open("rb", buffering=0) as file:
        if is_cached:
            buffer = bytearray(_READ_BYTES)
            while file.readinto(buffer):
                pass
        else:
            # What is not on the disk yet cannot leave the cache.
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()

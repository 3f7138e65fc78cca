"""Measure the speed of hpass: `python -m benchmarks.speed`. Every figure is a ratio of the times of whole processes."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from benchmarks.output import write_page

from .load import add_load_option, checked_load, machine
from .processes import Command, Runs, copy_command, take_turns

BERT_TINY = Path(__file__).parents[2] / "fixtures" / "bert_tiny.onnx"
PROCESS_LIMIT_S = 120.0  # seconds for one process
MILLION_LIMIT_S = 600.0  # seconds for a process with a million nodes

LOAD = "import sys, onnx, onnx_graphsurgeon as gs; model = onnx.load(sys.argv[1]); gs.import_onnx(model)"
LOAD_AND_SAVE = f"{LOAD}; onnx.save(model, sys.argv[2])"

# What the base and hpass are compared with: programs that read the model and write it.
PROGRAMS = {
    "onnx": "import sys, onnx; onnx.save(onnx.load(sys.argv[1]), sys.argv[2])",
    "graphsurgeon": "import sys, onnx, onnx_graphsurgeon as gs; "
    "onnx.save(gs.export_onnx(gs.import_onnx(onnx.load(sys.argv[1]))), sys.argv[2])",
    "onnx-ir": "import sys, onnx_ir; onnx_ir.save(onnx_ir.load(sys.argv[1]), sys.argv[2])",
}
SCRIPTS = ("onnxslim", "onnxsim")
COMPARED = (*PROGRAMS, *SCRIPTS, "cp")
PACKAGES = ("onnx", "onnx-graphsurgeon", "onnx-ir", *SCRIPTS)

INTRODUCTION = """\
# Speed

Made by `python -m benchmarks.speed --out docs/speed.md`. Every figure compares whole processes that were run in turns;
it is the median of their ratios. The base is a Python process that runs `onnx.load` and
`onnx_graphsurgeon.import_onnx`, and also `onnx.save` if the weights are inside the file. The columns on the right are
multiples of the base as well. `onnx`, `graphsurgeon` and `onnx-ir` load the model, import it if they have a graph of
their own, and save it; `cp` copies the file and synchronises it. A process that takes over a minute is run once.
*Processor* is the ratio of processor times. If the load of the machine is above 1, that is the figure to read.
"""


class Case(NamedTuple):
    """A model, the base program that hpass is compared with, and the aim for the ratio (0: the aim is in seconds).

    `model` is the path of a fixture or the name of a synthetic model.
    """

    name: str
    model: str | Path
    base: str
    aim: float


CASES = (
    Case("chain of 10,000 nodes", "chain-10k", LOAD, 1.0),
    Case("chain of 100,000 nodes", "chain-100k", LOAD, 1.0),
    Case("the same in 60,000 modules", "modules-100k", LOAD, 1.0),
    Case("BERT-base, 440 MB inside", "bert-base", LOAD_AND_SAVE, 1.0),
    Case("BERT-tiny", BERT_TINY, LOAD, 0),
)


def main() -> None:
    """Measure, and write the page to a file or to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each process (default: 5)")
    parser.add_argument("--out", type=Path, help="Markdown file (default: standard output)")
    add_load_option(parser)
    arguments = parser.parse_args()
    load = checked_load(arguments.max_load)
    with tempfile.TemporaryDirectory(prefix="hpass-speed-") as folder:
        text = _page(Path(folder), arguments.rounds, load)
    write_page(text, arguments.out)


def _page(folder: Path, rounds: int, load: float) -> str:
    rows = [_row(case, folder, rounds) for case in CASES]
    limits = _limits(folder, rounds)
    return "\n".join(
        (
            INTRODUCTION,
            f"{rounds} rounds, {machine(load)}.",
            f"Python {platform.python_version()}, {', '.join(map(_version, PACKAGES))}.",
            "",
            f"| model | hpass run / base | processor | aim | {' | '.join(COMPARED)} | memory: hpass / base |",
            f"|---|---|---|---|{'---|' * len(COMPARED)}---|",
            *rows,
            "",
            *limits,
            "",
        )
    )


def _row(case: Case, folder: Path, rounds: int) -> str:
    path, out = folder / "model.onnx", folder / "out.onnx"
    if isinstance(case.model, Path):
        shutil.copy(case.model, path)
    else:
        _write_model(case.model, path)
    files = (str(path), str(out))
    commands: dict[str, Command] = {
        "base": (sys.executable, "-c", case.base, *files),
        "hpass": (_script("hpass"), "run", str(path), "-o", str(out)),
        **{name: (sys.executable, "-c", program, *files) for name, program in PROGRAMS.items()},
        **{name: (_script(name), *files) for name in SCRIPTS},
        "cp": copy_command(path, out),
    }
    runs = take_turns(commands, rounds, PROCESS_LIMIT_S, outputs=(out,))
    figures = [_times(runs[name], runs["base"]) for name in COMPARED]
    memory = f"{runs['hpass'].memory >> 20} / {runs['base'].memory >> 20} MB"
    aim = f"{case.aim:g}" if case.aim else "see below"
    ratios = (_times(runs["hpass"], runs["base"]), _ratio(runs["hpass"].processor_ratio(runs["base"])))
    return " | ".join((f"| {case.name}", *ratios, aim, *figures, f"{memory} |"))


def _write_model(name: str, path: Path) -> None:
    """Write a model in another process, because a child's peak memory includes the memory of its parent at the fork."""
    subprocess.run([sys.executable, "-m", "benchmarks.speed.synthetic_models", name, str(path)], check=True)


def _limits(folder: Path, rounds: int) -> list[str]:
    """Return the table of absolute figures, in seconds and megabytes."""
    bert, external, tagged = (folder / f"{name}.onnx" for name in ("bert", "external", "tagged"))
    shutil.copy(BERT_TINY, bert)
    subprocess.run([_script("hpass"), "run", str(bert), "-o", str(tagged)], check=True, capture_output=True)
    listed = {
        "`hpass passes`": (_script("hpass"), "passes"),
        "`hpass tree` on BERT-tiny with tags": (_script("hpass"), "tree", str(tagged)),
        "`hpass show --stored` on BERT-tiny with tags": (_script("hpass"), "show", "--stored", str(tagged), "#0"),
        "`hpass select` on BERT-tiny with tags": (_script("hpass"), "select", str(tagged), "**"),
    }
    _write_model("external", external)
    large, larger = folder / "100k.onnx", folder / "1m.onnx"
    for name, path in (("chain-100k", large), ("chain-1m", larger)):
        _write_model(name, path)
    runs = take_turns(
        {
            "import onnx": (sys.executable, "-c", "import onnx"),
            "hpass run BERT-tiny": (_script("hpass"), "run", str(bert), "-o", str(folder / "out.onnx")),
            "hpass run external": (_script("hpass"), "run", str(external), "-o", str(folder / "out.onnx")),
            **listed,
            "100,000 nodes": (_script("hpass"), "run", str(large), "-o", str(folder / "out.onnx")),
            "1,000,000 nodes": (_script("hpass"), "run", str(larger), "-o", str(folder / "out.onnx")),
            "hpass --help": (_script("hpass"), "--help"),
            "python": (sys.executable, "-c", ""),
        },
        rounds,
        MILLION_LIMIT_S,
    )
    tiny = runs["hpass run BERT-tiny"].excess(runs["import onnx"])
    helped = runs["hpass --help"]
    million = runs["1,000,000 nodes"]
    return [
        "| what | measured | aim |",
        "|---|---|---|",
        f"| BERT-tiny, beyond a Python process that only imports onnx | {_seconds(tiny)} | 0.4 s |",
        f"| `hpass --help` (an empty Python process takes {_median(runs['python'])}) | {_median(helped)} | 0.3 s |",
        *(
            f"| {name}, beyond an empty Python process | {_seconds(runs[name].excess(runs['python']))} | 0.15 s |"
            for name in listed
        ),
        f"| time for 1,000,000 nodes, against 100,000 | {_times(million, runs['100,000 nodes'])} | 11 |",
        f"| memory for 1,000,000 nodes | {million.problem or f'{million.memory >> 20} MB'} | 5000 MB |",
        f"| memory for 4 GB of external data | {runs['hpass run external'].memory >> 20} MB | 300 MB |",
    ]


def _script(name: str) -> str:
    """Return the path of a console script in this environment, or else in the search path."""
    own = Path(sysconfig.get_path("scripts")) / name
    return str(own) if own.exists() else shutil.which(name) or str(own)


def _times(runs: Runs, base: Runs) -> str:
    return runs.problem or base.problem or _ratio(runs.ratio(base))


def _ratio(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"


def _seconds(value: float | None) -> str:
    return "failed" if value is None else f"{value:.2f} s"


def _median(runs: Runs) -> str:
    return runs.problem or f"{sorted(runs.seconds)[len(runs.seconds) // 2]:.2f} s"


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


if __name__ == "__main__":
    main()

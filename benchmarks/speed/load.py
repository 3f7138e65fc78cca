"""The load of the machine, which a measurement of time depends on."""

from __future__ import annotations

import argparse
import os

_MAX_LOAD = 1.0


def add_load_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--max-load`."""
    text = f"do not begin if the load of the machine is above this (default: {_MAX_LOAD:g})"
    parser.add_argument("--max-load", type=float, default=_MAX_LOAD, help=text)


def checked_load(limit: float) -> float:
    """Return the load average of the last minute. Raises SystemExit if it is above the limit."""
    load = os.getloadavg()[0]
    if load > limit:
        raise SystemExit(f"the load of the machine is {load:.1f}; wait until it is idle, or raise --max-load {limit:g}")
    return load


def machine(before: float) -> str:
    """Return a text with the number of cores, the load before a measurement, and the load over its last minutes."""
    return f"{os.cpu_count()} cores at a load of {before:.1f} before and {os.getloadavg()[2]:.1f} meanwhile"

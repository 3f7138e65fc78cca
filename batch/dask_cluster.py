"""A Dask cluster as an executor. Paths are sent to its workers, not models, and their hpass must be the same."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from ..errors import HpassError, UsageError

CONNECT_LIMIT_S = 10  # seconds until a scheduler counts as not there
TASKS_SUBMITTED = 10_000


def installed_version() -> str:
    """Return the version of hpass in this process."""
    return version("hpass")


@contextmanager
def dask_executor(address: str) -> Generator[Executor]:
    """Connect to the scheduler at an address, such as `tcp://host:8786`, and return a context with its executor.

    Raises UsageError if Dask is not installed, and HpassError if the scheduler cannot be reached or is lost, if there
    is no worker, or if a worker has no hpass or another version.
    """
    client = _connect(address)
    try:
        _check_workers(client, address)
        # Tasks write files: a result is not to be taken from an earlier run.
        yield client.get_executor(pure=False)
    except CancelledError as error:
        raise HpassError(
            f"--cluster {address}: the connection to the scheduler was lost; "
            "run again, and with --manifest it goes on where it was"
        ) from error
    finally:
        client.close()


def worker_died() -> tuple[type[BaseException], ...]:
    """Return the exception that says that several workers died while they had a task."""
    from distributed import KilledWorker  # noqa: PLC0415 - of an extra

    return (KilledWorker,)


def _connect(address: str) -> Any:  # most of what a client has is without types
    try:
        from distributed import Client  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise UsageError("--cluster needs more packages; pip install 'hpass[cluster]'") from error
    try:
        return Client(address, timeout=CONNECT_LIMIT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise HpassError(f"--cluster {address}: there is no scheduler ({reason})") from error


def _check_workers(client: Any, address: str) -> None:
    ours = installed_version()
    found: dict[str, Any] = client.run(installed_version, on_error="return")
    if not found:
        raise HpassError(f"--cluster {address}: the scheduler has no workers; start some with `dask worker {address}`")
    for worker, theirs in found.items():
        if isinstance(theirs, BaseException):
            raise HpassError(f"--cluster {address}: the worker {worker} has no hpass; install hpass {ours} there")
        if theirs != ours:
            raise HpassError(f"--cluster {address}: the worker {worker} has hpass {theirs}; install {ours} there")

"""A Dask cluster of several processes and an S3 server, both on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

START_LIMIT_S = 60.0
HOST = "127.0.0.1"


@contextmanager
def dask_cluster(workers: int, folder: Path) -> Generator[tuple[str, int]]:
    """Start a scheduler and workers, and return the scheduler's address and the process whose children they are."""
    port = _free_port()
    address = f"tcp://{HOST}:{port}"
    scheduler = ("dask", "scheduler", "--host", HOST, "--port", str(port), "--no-dashboard")
    worker = ("dask", "worker", address, "--nworkers", str(workers), "--nthreads", "1", "--no-dashboard")
    with _service(scheduler, folder / "scheduler"):
        _wait_for_port(port)
        with _service(worker, folder / "workers") as parent:
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(workers, START_LIMIT_S)
            yield address, parent


@contextmanager
def storage_server(folder: Path) -> Generator[dict[str, str]]:
    """Start an S3 server, which keeps its objects in memory, and return the environment that leads to it."""
    port = _free_port()
    with _service(("moto.server", "-H", HOST, "-p", str(port)), folder / "storage"):
        _wait_for_port(port)
        yield {
            "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def _service(command: Sequence[str], folder: Path) -> Generator[int]:
    """Run a module of Python in a folder until the end of the block, and return its process."""
    folder.mkdir()
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=log, stderr=log, cwd=folder)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return server.getsockname()[1]


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection((HOST, port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return

"""Start a worker: a module of hpass in a process of its own, which answers a request with lines of JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from ..errors import HpassError

_PACKAGE = __name__.partition(".")[0]
_PACKAGE_FOLDER = Path(__file__).parents[1]
# The folder is added at the end, so that nothing in it hides an installed package.
_START = "import sys; sys.path.append(sys.argv[2]); import runpy; runpy.run_module(sys.argv[1], run_name='__main__')"

Message = dict[str, Any]


@contextmanager
def worker(module: str, request: Mapping[str, Any]) -> Generator[Iterator[Message]]:
    """Start a module of hpass, such as `running.inputs_worker`, and yield its messages as they come.

    KeyboardInterrupt while a message is awaited is passed to the worker as SIGINT, once; the worker's further messages
    follow, and it is raised again if the worker ends of it. The iterator raises HpassError if the worker sends
    `{"error": TEXT}` or fails. The worker is ended when the context is left.
    """
    with _started(module) as process:
        yield _messages(process, request)


@contextmanager
def lasting_worker(module: str) -> Generator[Callable[[Mapping[str, Any]], Iterator[Message]]]:
    """Start a module of hpass that answers requests one after the other, and yield a function that sends one.

    The function returns the messages of the answer, the last of which has the key "done". They come, and fail, as those
    of `worker` do.
    """
    with _started(module) as process:
        received = _received(process)

        def ask(request: Mapping[str, Any]) -> Iterator[Message]:
            stdin = cast("IO[str]", process.stdin)
            # A worker that has ended is found out below, with the reason.
            with suppress(BrokenPipeError):
                stdin.write(json.dumps(request) + "\n")
                stdin.flush()
            for message in received:
                yield message
                if "done" in message:
                    return

        yield ask


@contextmanager
def _started(module: str) -> Generator[subprocess.Popen[str]]:
    if not hasattr(signal, "setitimer"):
        raise HpassError("this system has no POSIX signals to limit the time of a run; use Linux or macOS")
    process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package
        [sys.executable, "-P", "-c", _START, f"{_PACKAGE}.{module}", str(_PACKAGE_FOLDER.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        # Ctrl-C reaches only this process, which decides what it means.
        start_new_session=True,
    )
    # Leaving the context closes the pipes and waits for the end.
    with process:
        try:
            yield process
        finally:
            process.kill()


def _messages(process: subprocess.Popen[str], request: Mapping[str, Any]) -> Iterator[Message]:
    with cast("IO[str]", process.stdin) as stdin:
        json.dump(request, stdin)
    yield from _received(process)


def _received(process: subprocess.Popen[str]) -> Iterator[Message]:
    stdout = cast("IO[str]", process.stdout)
    interrupted = False
    while True:
        try:
            line = stdout.readline()
        except KeyboardInterrupt as request_to_end:
            # SIGTERM is raised as a subclass and means to end at once.
            if interrupted or type(request_to_end) is not KeyboardInterrupt:
                raise
            interrupted = True
            process.send_signal(signal.SIGINT)
            continue
        if not line:
            break
        message = json.loads(line)
        if "error" in message:
            raise HpassError(message["error"])
        yield message
    status = process.wait()
    if status and interrupted:
        # It came before the worker could handle it.
        raise KeyboardInterrupt
    if status == -signal.SIGALRM:
        raise HpassError("onnxruntime gave no answer within the time limit; give a smaller model or smaller inputs")
    if status:
        raise HpassError(f"onnxruntime crashed ({_status_text(status)})")


def _status_text(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"exit status {status}"

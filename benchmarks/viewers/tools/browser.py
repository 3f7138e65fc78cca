"""A headless Chromium, and servers to look at."""

import base64
import multiprocessing
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, sync_playwright

_START_TIME_LIMIT_S = 90


@contextmanager
def served(serve: Callable[[int], None], port: int) -> Iterator[str]:
    """Start a server in a process of its own, wait until it answers, and give its address."""
    address = f"http://localhost:{port}/"
    process = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        _wait_for(address)
        yield address
    finally:
        process.kill()


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Start Chromium, with WebGL in software."""
    options = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()


def take_picture(session: CDPSession, path: Path, width: int, height: int) -> None:
    """Write what the page shows to a PNG file, from its upper left corner on."""
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    answer = session.send("Page.captureScreenshot", {"format": "png", "clip": clip})
    path.write_bytes(base64.b64decode(answer["data"]))


def _wait_for(address: str) -> None:
    end = time.monotonic() + _START_TIME_LIMIT_S
    while True:
        try:
            urllib.request.urlopen(address)  # noqa: S310 - an address of this machine
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return

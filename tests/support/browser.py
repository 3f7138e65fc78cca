"""Run a page in a real Chromium, where there is one. With HPASS_REQUIRE_BROWSER=1, a missing one is a failure."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_RESULT = re.compile(r'<pre id="test-result">(.*?)</pre>', re.DOTALL)


def evaluate(page: str, script: str, folder: Path) -> Any:
    """Return what `script`, the body of a function, returns in the loaded page, as JSON can hold it."""
    file = folder / "page.html"
    file.write_text(page + _after_loading(script), encoding="utf-8")
    command = [_program(), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,900", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", file.as_uri()], capture_output=True, check=True, timeout=120
    )
    found = _RESULT.search(done.stdout.decode())
    assert found, done.stderr.decode()
    return json.loads(html.unescape(found[1]))


def _after_loading(script: str) -> str:
    return f"""<script>
const result = document.createElement("pre");
result.id = "test-result";
try {{ result.textContent = JSON.stringify((() => {{ {script} }})()); }}
catch (error) {{ result.textContent = JSON.stringify(String(error.stack)); }}
document.body.append(result);
</script>"""


def _program() -> str:
    for name in _PROGRAMS:
        if path := shutil.which(name):
            return path
    if os.environ.get("HPASS_REQUIRE_BROWSER") == "1":
        pytest.fail("there is no Chromium, and HPASS_REQUIRE_BROWSER=1 asks for one")
    pytest.skip("needs Chromium")

"""No file makes a command end in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_files import FILES, on_the_wire
from onnx import ModelProto


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_the_command_line_has_no_traceback(make: Callable[[], ModelProto], hpass: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.onnx"
    path.write_bytes(on_the_wire(make()))

    for arguments in (["run", path, "--json"], ["tree", path], ["show", path, "#0"], ["show", path, "#0", "--stored"]):
        status, _, said = hpass(*arguments)
        assert status in (0, 1), arguments
        assert len(said.splitlines()) == (status == 1), arguments

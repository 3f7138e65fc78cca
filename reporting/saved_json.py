"""Read JSON that another command of hpass wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from ..errors import UsageError
from ..graph.files.limited_read import read_file

# One of 200,000 modules takes a tenth of it.
_MAX_BYTES = 1 << 28


def read_saved(path: Path, command: str) -> Any:
    """Return the content of a JSON file that a command writes; None if it is larger than 256 MiB.

    Raises UsageError, which names the command, if the file cannot be read or is not JSON.
    """
    try:
        text = read_file(path, _MAX_BYTES)
        return None if text is None else json.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON; name a file that `{command}` has written") from error


def saved_modules(data: Any, title: str, command: str) -> dict[str, Any]:
    """Return what the content says of each module.

    Raises UsageError, which calls the file `title`, if it says nothing of modules.
    """
    modules = as_object(data).get("modules")
    if not isinstance(modules, dict):
        raise UsageError(f"{title}: has no modules; name a file that `{command}` has written")
    return cast("dict[str, Any]", modules)


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object; an empty one for any other value."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

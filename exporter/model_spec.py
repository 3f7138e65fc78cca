"""Parse a MODEL argument: a Python factory, a folder, a config file, or a Hugging Face id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import HpassError, UsageError

_FACTORY = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Factory:
    """A function in a Python file that returns a module, or a module and its inputs."""

    file: Path
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A model that transformers can read: a folder, a config file, or an id of the Hugging Face hub."""

    source: str

    @property
    def folder(self) -> Path | None:
        """The local folder; None for an id."""
        path = Path(self.source)
        if path.is_file():
            return path.parent
        return path if path.is_dir() else None

    @property
    def has_weights(self) -> bool | None:
        """Whether the folder has weights; None for an id, because that is unknown. False for a config file."""
        path = Path(self.source)
        if path.is_file():
            return False
        if not path.is_dir():
            return None
        patterns = (
            "*.safetensors",
            "*.safetensors.index.json",
            "pytorch_model*.bin",
            "pytorch_model.bin.index.json",
        )
        return any(any(path.glob(pattern)) for pattern in patterns)

    def __str__(self) -> str:
        return self.source


def parse_model_spec(text: str) -> Factory | Pretrained:
    """Parse a MODEL argument.

    Raises UsageError if the text has none of the forms, and HpassError if the file or folder does not exist.
    """
    match = _FACTORY.fullmatch(text)
    if match:
        file = Path(match["file"])
        if not file.is_file():
            raise HpassError(f"{file}: no such file; MODEL must be FILE.py:FACTORY, a folder, a config.json or an id")
        return Factory(file, match["name"])
    path = Path(text)
    if path.suffix == ".py" and path.is_file():
        raise UsageError(f"{text}: no factory given; name the function that builds the model, as in {text}:make")
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise HpassError(f"{text}: the folder has no config.json; name a folder that transformers can read")
        return Pretrained(text)
    if path.is_file():
        if path.suffix != ".json":
            raise UsageError(f"{text}: not a model; MODEL must be FILE.py:FACTORY, a folder, a config.json or an id")
        return Pretrained(text)
    if text.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(text):
        raise HpassError(f"{text}: no such file or folder, and not a Hugging Face id; check the name")
    return Pretrained(text)

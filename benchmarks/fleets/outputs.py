"""The outputs of a run: in a folder of this machine or in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

_OBJECTS_AT_ONCE = 500


class Outputs(Protocol):
    """A place that outputs are written to."""

    def clear(self) -> None:
        """Remove all."""
        ...

    def digests(self) -> dict[str, str]:
        """Return a checksum of each file, by its name."""
        ...


class FolderOutputs:
    """Outputs in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()

    def clear(self) -> None:
        """Remove all files. There is no folder below."""
        for path in self._folder.iterdir():
            path.unlink()

    def digests(self) -> dict[str, str]:
        """Return a checksum of each file, by its name."""
        return {path.name: sha256(path.read_bytes()).hexdigest() for path in self._folder.iterdir()}


class BucketOutputs:
    """Outputs in a bucket of a file system of fsspec."""

    def __init__(self, storage: Any, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        storage.mkdir(bucket)

    def clear(self) -> None:
        """Remove all objects."""
        for paths in self._parts():
            self._storage.rm(paths)

    def digests(self) -> dict[str, str]:
        """Return a checksum of each object, by its name."""
        return {
            path.rpartition("/")[2]: sha256(content).hexdigest()
            for paths in self._parts()
            for path, content in self._storage.cat(paths).items()
        }

    def _parts(self) -> Iterator[list[str]]:
        self._storage.invalidate_cache()
        paths = self._storage.find(self._bucket)
        for start in range(0, len(paths), _OBJECTS_AT_ONCE):
            yield paths[start : start + _OBJECTS_AT_ONCE]

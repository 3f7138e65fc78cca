"""What is used of fsspec, whose own functions have no types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, cast

if TYPE_CHECKING:
    from upath import UPath


class FileSystem(Protocol):
    """A file system of fsspec. Paths are those of `UPath.path`; every method may raise any exception."""

    def find(self, path: str, *, detail: Literal[True]) -> dict[str, dict[str, Any]]:
        """Return the files in a folder and below, and what `info` returns of each, by path."""
        ...

    def glob(self, path: str) -> list[str]:
        """Return the files and folders that match a pattern."""
        ...

    def info(self, path: str) -> dict[str, Any]:
        """Return the size of a file in bytes, and what else the storage knows of it. Raises FileNotFoundError."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or a folder."""
        ...

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what is known of a folder, or of all."""
        ...

    def open(self, path: str, mode: str) -> BinaryIO:
        """Open a file."""
        ...

    def get_file(self, rpath: str, lpath: str) -> None:
        """Copy a file here. Raises FileNotFoundError."""
        ...

    def put_file(self, lpath: str, rpath: str) -> None:
        """Copy a file from here."""
        ...

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        ...


def file_system(location: UPath) -> FileSystem:
    """Return the file system of an address."""
    return cast("FileSystem", location.fs)

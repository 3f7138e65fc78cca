"""Class paths that other tools write on nodes: `/BertModel/BertEncoder/BertLayer.0`, one class for each open module."""

from __future__ import annotations

from collections.abc import Mapping

# microsoft/winml-cli's exporter; hpass writes its own tags in the same form.
_KEYS = ("winml.hierarchy.tag",)


def read_class_path(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the classes of the modules that were open, the root's first; None where no tool wrote them."""
    for key in _KEYS:
        path = metadata.get(key)
        if path is not None and path.startswith("/"):
            return tuple(path[1:].split("/")) if len(path) > 1 else ()
    return None


def classes(path: tuple[str, ...]) -> list[str]:
    """Return the class names of a class path, without the numbers that tell modules of one class apart."""
    return [segment.partition(".")[0] for segment in path]

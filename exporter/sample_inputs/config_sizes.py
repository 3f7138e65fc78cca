"""Read the sizes of a model's inputs from its config and its processor's settings."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

VISION = ("vision", "image", "visual")
AUDIO = ("audio", "speech")
VIDEO = ("video", "vision")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The config of a model (None if it has none) and the settings of its processor."""

    config: Any
    processor: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def find(self, *names: str, part: Iterable[str] = ()) -> Any:
        """Return the first of the settings `names` that is set; None if none is.

        The sub-configs whose key contains a word of `part` are searched first, then the model's own config, then the
        other sub-configs, then the processor's settings.
        """
        words = tuple(part)
        configs = sorted(_configs(self.config), key=lambda item: _rank(item[0], words))
        for _, config in configs:
            for name in names:
                value = getattr(config, name, None)
                if value is not None:
                    return value
        return next((self.processor[name] for name in names if self.processor.get(name) is not None), None)

    def number(self, *names: str, default: int, part: Iterable[str] = ()) -> int:
        """Return the setting as an int, or the first number of a list; `default` if there is no such setting."""
        value = self.find(*names, part=part)
        if isinstance(value, list | tuple):
            value = cast("list[Any]", value)[0] if value else None
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def every(self, *names: str) -> list[int]:
        """Return all integer values of the settings `names`, in the config and its sub-configs."""
        found = [getattr(config, name, None) for _, config in _configs(self.config) for name in names]
        return [value for value in found if isinstance(value, int)]

    def image(self, default: int = 224, part: Iterable[str] = VISION) -> tuple[int, int]:
        """Return the height and width of an image, in pixels. `part` selects sub-configs as in `find`."""
        for value in (
            self.find("image_size", "img_size", "input_size", part=part),
            self.processor.get("crop_size"),
            self.processor.get("size"),
        ):
            match value:
                case int():
                    return value, value
                case [int() as height, int() as width]:
                    return height, width
                case [int() as side]:
                    return side, side
                case {"height": int() as height, "width": int() as width}:
                    return height, width
                case {"shortest_edge": int() as side}:
                    return side, side
                case _:
                    continue
        return default, default

    def text(self) -> Any:
        """Return the config of the text part; the model's own config if there is none."""
        return self.config.get_text_config() if hasattr(self.config, "get_text_config") else self.config

    def special_tokens(self) -> set[int]:
        """Return the ids of special tokens: start, end, padding, placeholders of images and so on."""
        return {
            value
            for _, config in _configs(self.config)
            for name, value in vars(config).items()
            if name.endswith(("_token_id", "_token_index")) and isinstance(value, int)
        }


def _configs(config: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield a config and its sub-configs, each with its dotted path of keys."""
    if config is None or depth > 3:  # noqa: PLR2004 (no config is nested deeper; the limit ends cycles)
        return
    yield key, config
    for name, value in vars(config).items():
        if hasattr(value, "model_type") and hasattr(value, "to_dict"):
            yield from _configs(value, f"{key}.{name}" if key else name, depth + 1)


def _rank(key: str, words: tuple[str, ...]) -> tuple[int, int]:
    if any(word in key for word in words):
        return 0, key.count(".")
    return (1, 0) if not key else (2, key.count("."))

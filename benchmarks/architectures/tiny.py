"""A small config of any architecture, by one rule for all: fewer layers, fewer heads, all widths divided alike.

Dividing every width by the same number keeps what configs demand of one another (a width a multiple of the heads, an
encoder as wide as its decoder expects), which choosing small numbers one by one does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

VOCABULARY = 1000
LAYERS = 2
HEADS = 2
EXPERTS = 4

_VOCABULARY = re.compile(r"(^|_)vocab_size$")
_LAYERS = re.compile(r"(^|_)(layers?|blocks?|depths?)$")
_HEADS = re.compile(r"(^|_)((num|n)_(\w+_)?heads?|attention_heads|heads)$")
_WIDTH = re.compile(r"(_size|_dims?|_sizes|_width|_channels|_features|_rank)$|^(d_\w+|n_embd|n_inner|dim|width)$")
_NO_WIDTH = re.compile(
    r"image|patch|vocab|window|kernel|stride|head_dim|codebook|chunk|batch|pool|position|max_|audio|mel|sample|context"
    r"|num_|type_|crop|conv_dim|input_|grid|feature_size|time|group|block|out_features|memory|d_kv|d_conv|frequency"
)
_EXPERTS = re.compile(r"(num|n)_(local_|routed_|shared_)?experts$")
_CHOSEN_EXPERTS = re.compile(r"experts_per_tok|(^|_)top_?k(_|$)")
_GROUPS = re.compile(r"^(n_group|topk_group)$")
_TOKEN = re.compile(r"_token_(id|index)$")


def tiny_configs(config_class: type) -> Iterator[Any]:
    """Yield configs of the class, the smallest first; the last is its own default.

    One that does not suit its model fails there: which of them do is for the caller to find out.
    """
    default = config_class()
    divisor = _divisor(default)
    gentle = max(divisor // 8, 1)
    for by, shallow in ((divisor, True), (gentle, True), (1, True), (divisor, False), (gentle, False), (1, False)):
        try:
            yield config_class(**_settings(default, by, shallow=shallow))
        except Exception:  # noqa: BLE001, S112 (a config may refuse a combination in any way it likes)
            continue


def _divisor(config: Any) -> int:
    """Return what all widths are divided by: the most that leaves every part two heads."""
    heads = [
        value
        for part in _parts(config)
        for name, value in vars(part).items()
        if _HEADS.search(name) and isinstance(value, int) and "key_value" not in name and value > 0
    ]
    return max(math.gcd(*heads) // HEADS, 1) if heads else 1


def _parts(config: Any) -> Iterator[Any]:
    yield config
    for value in vars(config).values():
        if _is_config(value):
            yield from _parts(value)


def _is_config(value: Any) -> bool:
    return hasattr(value, "model_type") and hasattr(value, "to_diff_dict")


def _settings(config: Any, divisor: int, *, shallow: bool) -> dict[str, Any]:
    """Return the keyword arguments that make the small config; derived settings follow from them."""
    settings: dict[str, Any] = {}
    tokens = VOCABULARY
    # Lists with one entry per layer shrink with the layers.
    depths = {value for name, value in vars(config).items() if _LAYERS.search(name) and type(value) is int}
    for name, value in vars(config).items():
        if name.startswith("_"):
            continue
        if _is_config(value):
            settings[name] = {
                **value.to_diff_dict(), **_settings(value, divisor, shallow=shallow), "model_type": value.model_type,
            }  # fmt: skip
        elif _TOKEN.search(name) and isinstance(value, int) and value >= VOCABULARY:
            tokens -= 1
            settings[name] = tokens
        elif shallow and isinstance(value, list) and len(value) > LAYERS and len(value) in depths:
            settings[name] = [value[0], value[-1]]
        else:
            small = _small(name, value, divisor, shallow=shallow)
            if small != value:
                settings[name] = small
    return settings


def _small(name: str, value: Any, divisor: int, *, shallow: bool) -> Any:
    if isinstance(value, list | tuple) and value and all(isinstance(item, int) for item in value):
        return [_small(name, item, divisor, shallow=shallow) for item in value]
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return value
    if _VOCABULARY.search(name):
        return min(value, VOCABULARY)
    if _EXPERTS.search(name):
        return min(value, EXPERTS)
    if _CHOSEN_EXPERTS.search(name):
        return min(value, LAYERS)
    if _GROUPS.search(name):
        return 1
    if _HEADS.search(name):
        return max(value // divisor, 1)
    if _LAYERS.search(name):
        return min(value, LAYERS) if shallow else value
    if _WIDTH.search(name) and not _NO_WIDTH.search(name) and value % divisor == 0:
        return value // divisor
    return value

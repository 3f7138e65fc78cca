"""A small config of any architecture, by one rule for all: fewer layers, fewer heads, all widths divided alike.

Dividing every width by the same number keeps what configs demand of one another (a width a multiple of the heads, an
encoder as wide as its decoder expects), which choosing small numbers one by one does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

# What a small config has of each; where its class has less, that.
VOCABULARY = 1000
LAYERS = 2
# Models that mix layers of several kinds have each of them within so many.
MIXED_LAYERS = 8
HEADS = 2
EXPERTS = 4
CHOSEN_EXPERTS = 2
HORIZON = 4

# Which settings mean what, by their names.
_VOCABULARY = re.compile(r"(^|_)(vocab_size(_|$)|vocab$)")
_LAYERS = re.compile(r"(^|_)(layers?|blocks?|depths?)$")
_HEADS = re.compile(r"(^|_)((num|n)_(\w+_)?heads?|attention_heads|heads)$")
_WIDTH = re.compile(r"(_size|_dims?|_sizes|_width|_channels|_features|_rank)$|^(d_\w+|n_embd|n_inner|dim|width)$")
_MAIN_WIDTH = re.compile(r"hidden_size$|embed_dim$|^(d_model|n_embd|dim)$")
_NO_WIDTH = re.compile(
    r"image|patch|vocab|window|kernel|stride|head_dim|codebook|chunk|batch|pool|position|max_|audio|mel|sample|context"
    r"|num_|type_|crop|conv_dim|input_|grid|feature_size|time|group|block|out_features|memory|d_kv|d_conv|frequency"
)
_EXPERTS = re.compile(r"(num|n)_(local_|routed_|shared_)?experts$")
_CHOSEN_EXPERTS = re.compile(r"experts_per_tok|^(moe_)?top_?k(_experts)?$|^moe_k$")
_GROUPS = re.compile(r"^(n_group|num_expert_group|topk_group)$")
_SECTIONS = "mrope_section"
_HORIZON = re.compile(r"^prediction_length$")
_PLACE = re.compile(r"^(image|video|audio|pad)_token_(id|index)$")
# What a part hands to the text beside it is this wide; the first that it has counts.
_HANDED_ON = ("out_hidden_size", "output_dim")
_TOKEN = re.compile(r"_token_(id|index)$")


@dataclass(frozen=True, slots=True)
class _Rule:
    """How far a config shrinks.

    Widths and heads are divided by `divisor`, or in every part by its `own` number (kept from below the part by the
    same `gentleness`); `layers` are left, all of them where it is 0; `filled` gives counts that default to nothing a
    value; what the parts beside a text hand to it gets its `width`, unless that is 0.
    """

    divisor: int
    gentleness: int = 1
    own: bool = False
    layers: int = LAYERS
    filled: bool = False
    width: int = 0

    def of(self, part: Any) -> _Rule:
        """Return the rule for a part of a config; one without heads goes with the whole."""
        divisor = _divisor(part) if self.own else 0
        return replace(self, divisor=max(divisor // self.gentleness, 1)) if divisor else self


def tiny_configs(config_class: type) -> Iterator[Any]:
    """Yield configs of the class, the smallest first; the last is its own default.

    One that does not suit its model fails there: which of them do is for the caller to find out.
    """
    default = config_class()
    divisor = _divisor(default) or 1
    gentler = sorted({max(divisor // by, 1) for by in (1, 2, 4, 8)} | {1}, reverse=True)
    rules = [_Rule(by) for by in gentler]
    # What has a width of its own in each part may shrink further part by part.
    rules += [_Rule(divisor, gentleness, own=True) for gentleness in (1, 4)]
    rules += [_Rule(divisor, filled=True)]
    rules += [_Rule(divisor, filled=True, width=_text_width(default) // divisor)]
    rules += [_Rule(by, layers=MIXED_LAYERS) for by in gentler[:2]]
    rules += [_Rule(by, layers=0) for by in gentler]
    seen: list[dict[str, Any]] = []
    for rule in rules:
        try:
            settings = _settings(default, rule, {})
            if settings in seen:
                continue
            seen.append(settings)
            yield config_class(**settings)
        except Exception:  # noqa: BLE001, S112 (a config may refuse a combination in any way it likes)
            continue


def _divisor(config: Any) -> int:
    """Return what all widths are divided by, the most that leaves every part two heads; 0 where there are no heads."""
    numbers = [
        (name, value)
        for part in _parts(config)
        for name, value in vars(part).items()
        if isinstance(value, int) and value > 0
    ]
    heads = math.gcd(*(value for name, value in numbers if _HEADS.search(name) and "key_value" not in name))
    if not heads:
        return 0
    widths = math.gcd(*(value for name, value in numbers if _MAIN_WIDTH.search(name)))
    divisors = [by for by in range(1, heads + 1) if heads % by == 0 and widths % by == 0]
    # Of a prime number of heads only one can be left.
    return max(by for by in divisors if by <= heads // HEADS or by == 1 or divisors == [1, heads])


def _text_width(config: Any) -> int:
    """Return the width of the text part of a config with several parts, 0 where it has none."""
    text = getattr(config, "text_config", None)
    return getattr(text, "hidden_size", None) or 0


def _handed_on(config: Any) -> str | None:
    """Return the name of the width that a config hands on to a text, None where it says nothing of that.

    Beside a width for itself, or a text within it, `hidden_size` is what others see.
    """
    settings = vars(config)
    if "hidden_size" in settings and ("embed_dim" in settings or "text_config" in settings):
        return "hidden_size"
    return next((name for name in _HANDED_ON if name in settings), None)


def _parts(config: Any) -> Iterator[Any]:
    yield config
    for value in vars(config).values():
        if _is_config(value):
            yield from _parts(value)


def _is_config(value: Any) -> bool:
    return hasattr(value, "model_type") and hasattr(value, "to_diff_dict")


def _settings(config: Any, rule: _Rule, tokens: dict[object, int]) -> dict[str, Any]:
    """Return the keyword arguments that make the small config; derived settings follow from them.

    `tokens` is what has become of tokens beyond the vocabulary so far: one stays one in all parts, and two stay two.
    """
    settings: dict[str, Any] = {}
    # Lists with one entry per layer shrink with the layers.
    depths = {value for name, value in vars(config).items() if _LAYERS.search(name) and type(value) is int}
    if rule.filled and _SECTIONS in (getattr(config, "ignore_keys_at_rope_validation", None) or ()):
        rotary = getattr(config, "rope_parameters", None) or {}
        settings["rope_parameters"] = {_SECTIONS: _sections(config, rotary), **rotary}
    for name, value in vars(config).items():
        if name.startswith("_") or name in settings:
            continue
        if _is_config(value):
            inner = replace(rule.of(value), width=0) if name == "text_config" else rule.of(value)
            settings[name] = {
                **value.to_diff_dict(), **_settings(value, inner, tokens), "model_type": value.model_type,
            }  # fmt: skip
        elif (_TOKEN.search(name) and isinstance(value, int) and value >= VOCABULARY) or (
            rule.filled and value is None and _PLACE.search(name)
        ):
            settings[name] = tokens.setdefault(name if value is None else value, VOCABULARY - 1 - len(tokens))
        elif rule.layers and isinstance(value, list) and len(value) > rule.layers and len(value) in depths:
            settings[name] = [*value[: rule.layers - 1], value[-1]]
        elif rule.width and name == _handed_on(config):
            settings[name] = rule.width
        else:
            small = _filled(name) if value is None and rule.filled else _small(name, value, rule)
            if small != value:
                settings[name] = small
    return settings


def _filled(name: str) -> int | None:
    """Return a value for a setting that has none by default, though models need it."""
    if _VOCABULARY.search(name):
        return VOCABULARY
    if _EXPERTS.search(name):
        return EXPERTS
    if _GROUPS.search(name):
        return 1
    if _CHOSEN_EXPERTS.search(name):
        return CHOSEN_EXPERTS
    return HORIZON if _HORIZON.search(name) else None


def _sections(config: Any, rotary: Mapping[str, Any]) -> list[int]:
    """Return how the rotated half of a head is shared between time, height and width: 2 to 3 to 3, as is usual."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    half = int(head * rotary.get("partial_rotary_factor", 1.0)) // 2
    side = 3 * half // 8
    return [half - 2 * side, side, side]


def _small(name: str, value: Any, rule: _Rule) -> Any:
    if isinstance(value, list | tuple) and value and all(isinstance(item, int) for item in value):
        return [_small(name, item, rule) for item in value]
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return value
    if _VOCABULARY.search(name):
        return min(value, VOCABULARY)
    if _EXPERTS.search(name):
        return min(value, EXPERTS)
    if _GROUPS.search(name):
        return 1
    if _CHOSEN_EXPERTS.search(name):
        return min(value, CHOSEN_EXPERTS)
    if _HEADS.search(name):
        return max(value // rule.divisor, 1)
    if _LAYERS.search(name):
        return min(value, rule.layers) if rule.layers else value
    if _WIDTH.search(name) and not _NO_WIDTH.search(name) and value % rule.divisor == 0:
        return value // rule.divisor
    return value

"""Small configs of any architecture by one rule: fewer layers, fewer heads, and all widths divided by one number.

A common divisor keeps the relations between settings, for example that a width is a multiple of the number of heads, or
that the encoder has the width that the decoder expects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

# The numbers in a small config, if the default config does not have less.
VOCABULARY = 1000
LAYERS = 2
# Models that mix several kinds of layers have at least one of each among this many layers.
MIXED_LAYERS = 8
HEADS = 2
EXPERTS = 4
ACTIVE_EXPERTS = 2
PREDICTION_STEPS = 4

# The names of settings by their meaning.
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
_ACTIVE_EXPERTS = re.compile(r"experts_per_tok|^(moe_)?top_?k(_experts)?$|^moe_k$")
_GROUPS = re.compile(r"^(n_group|num_expert_group|topk_group)$")
_SECTIONS = "mrope_section"
_PREDICTION_LENGTH = re.compile(r"^prediction_length$")
_PLACEHOLDER = re.compile(r"^(image|video|audio|pad)_token_(id|index)$")
# The names of a part's output width, which the text part reads; the first that a part has is used.
_OUTPUT_WIDTHS = ("out_hidden_size", "output_dim")
_TOKEN = re.compile(r"_token_(id|index)$")


@dataclass(frozen=True, slots=True)
class _Rule:
    """How to reduce a config.

    Widths and heads are divided by `divisor`. If `per_part`, each part has its own divisor, divided by `reduction`.
    `layers` is the maximum number of layers (0: no limit). If `fill_unset`, counts that are None by default get a
    value. `output_width` is the output width of all parts except the text part (0: unchanged).
    """

    divisor: int
    reduction: int = 1
    per_part: bool = False
    layers: int = LAYERS
    fill_unset: bool = False
    output_width: int = 0

    def of(self, part: Any) -> _Rule:
        """Return the rule for a part of a config. A part without heads has the rule of the whole config."""
        divisor = _divisor(part) if self.per_part else 0
        return replace(self, divisor=max(divisor // self.reduction, 1)) if divisor else self


def tiny_configs(config_class: type) -> Iterator[Any]:
    """Yield configs of a class, the smallest first and the default last.

    A config may not suit its model, which then fails; the caller has to try.
    """
    default = config_class()
    divisor = _divisor(default) or 1
    divisors = sorted({max(divisor // by, 1) for by in (1, 2, 4, 8)} | {1}, reverse=True)
    rules = [_Rule(by) for by in divisors]
    # Configs whose parts have their own widths can be reduced further if each part has its own divisor.
    rules += [_Rule(divisor, reduction, per_part=True) for reduction in (1, 4)]
    rules += [_Rule(divisor, fill_unset=True)]
    rules += [_Rule(divisor, fill_unset=True, output_width=_text_width(default) // divisor)]
    rules += [_Rule(by, layers=MIXED_LAYERS) for by in divisors[:2]]
    rules += [_Rule(by, layers=0) for by in divisors]
    seen: list[dict[str, Any]] = []
    for rule in rules:
        try:
            settings = _settings(default, rule, {})
            if settings in seen:
                continue
            seen.append(settings)
            yield config_class(**settings)
        except Exception:  # noqa: BLE001, S112 (a config may reject a combination with any type)
            continue


def _divisor(config: Any) -> int:
    """Return the largest common divisor of all widths that leaves two heads in every part; 0 if there are no heads."""
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
    # If the number of heads is prime, it can only be reduced to one.
    return max(by for by in divisors if by <= heads // HEADS or by == 1 or divisors == [1, heads])


def _text_width(config: Any) -> int:
    """Return the width of the text part of a config; 0 if it has no text part."""
    text = getattr(config, "text_config", None)
    return getattr(text, "hidden_size", None) or 0


def _output_width_name(config: Any) -> str | None:
    """Return the name of the setting with a part's output width; None if it has none.

    It is `hidden_size` if the part also has an internal width (`embed_dim`) or a text part.
    """
    settings = vars(config)
    if "hidden_size" in settings and ("embed_dim" in settings or "text_config" in settings):
        return "hidden_size"
    return next((name for name in _OUTPUT_WIDTHS if name in settings), None)


def _parts(config: Any) -> Iterator[Any]:
    yield config
    for value in vars(config).values():
        if _is_config(value):
            yield from _parts(value)


def _is_config(value: Any) -> bool:
    return hasattr(value, "model_type") and hasattr(value, "to_diff_dict")


def _settings(config: Any, rule: _Rule, tokens: dict[object, int]) -> dict[str, Any]:
    """Return the keyword arguments of the small config.

    `tokens` maps token ids outside the small vocabulary to new ids, and is updated, so that equal ids stay equal in all
    parts and different ids stay different.
    """
    settings: dict[str, Any] = {}
    # Lists with one entry per layer are shortened with the number of layers.
    depths = {value for name, value in vars(config).items() if _LAYERS.search(name) and type(value) is int}
    if rule.fill_unset and _SECTIONS in (getattr(config, "ignore_keys_at_rope_validation", None) or ()):
        rotary = getattr(config, "rope_parameters", None) or {}
        settings["rope_parameters"] = {_SECTIONS: _mrope_sections(config, rotary), **rotary}
    for name, value in vars(config).items():
        if name.startswith("_") or name in settings:
            continue
        if _is_config(value):
            inner = replace(rule.of(value), output_width=0) if name == "text_config" else rule.of(value)
            settings[name] = {
                **value.to_diff_dict(), **_settings(value, inner, tokens), "model_type": value.model_type,
            }  # fmt: skip
        elif (_TOKEN.search(name) and isinstance(value, int) and value >= VOCABULARY) or (
            rule.fill_unset and value is None and _PLACEHOLDER.search(name)
        ):
            settings[name] = tokens.setdefault(name if value is None else value, VOCABULARY - 1 - len(tokens))
        elif rule.layers and isinstance(value, list) and len(value) > rule.layers and len(value) in depths:
            settings[name] = [*value[: rule.layers - 1], value[-1]]
        elif rule.output_width and name == _output_width_name(config):
            settings[name] = rule.output_width
        else:
            small = _default_setting(name) if value is None and rule.fill_unset else _reduced(name, value, rule)
            if small != value:
                settings[name] = small
    return settings


def _default_setting(name: str) -> int | None:
    """Return a value for a setting that is None by default although models need it; None for other settings."""
    if _VOCABULARY.search(name):
        return VOCABULARY
    if _EXPERTS.search(name):
        return EXPERTS
    if _GROUPS.search(name):
        return 1
    if _ACTIVE_EXPERTS.search(name):
        return ACTIVE_EXPERTS
    return PREDICTION_STEPS if _PREDICTION_LENGTH.search(name) else None


def _mrope_sections(config: Any, rotary: Mapping[str, Any]) -> list[int]:
    """Return the sections of multimodal rotary embeddings for time, height and width, in the usual ratio 2:3:3."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    half = int(head * rotary.get("partial_rotary_factor", 1.0)) // 2
    side = 3 * half // 8
    return [half - 2 * side, side, side]


def _reduced(name: str, value: Any, rule: _Rule) -> Any:
    if isinstance(value, list | tuple) and value and all(isinstance(item, int) for item in value):
        return [_reduced(name, item, rule) for item in value]
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return value
    if _VOCABULARY.search(name):
        return min(value, VOCABULARY)
    if _EXPERTS.search(name):
        return min(value, EXPERTS)
    if _GROUPS.search(name):
        return 1
    if _ACTIVE_EXPERTS.search(name):
        return min(value, ACTIVE_EXPERTS)
    if _HEADS.search(name):
        return max(value // rule.divisor, 1)
    if _LAYERS.search(name):
        return min(value, rule.layers) if rule.layers else value
    if _WIDTH.search(name) and not _NO_WIDTH.search(name) and value % rule.divisor == 0:
        return value // rule.divisor
    return value

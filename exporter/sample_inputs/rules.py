"""What each input of `forward` looks like, by the rule for its name.

Across transformers an input's name says the modality (`input_ids`, `pixel_values`, `input_features`, ...); a further
text, image or sound bears the name of its part before a known one. Shapes and value ranges come from the config and
the processor, never from the model's name.
"""

from __future__ import annotations

import torch

from . import audio, embeddings, image, masks, patches, series, text
from .builder import Candidates, InputBuilder, InputRule, PartInputRule
from .dependent import dependent_rules
from .docstring import documented_inputs
from .from_docstring import from_docstring, shaped_as_documented
from .signature import parameters, required

_RULES: dict[str, InputRule] = {
    **text.RULES,
    **embeddings.RULES,
    **image.RULES,
    **patches.RULES,
    **audio.RULES,
    **series.RULES,
    **masks.RULES,
}
# What a name may end with: a further text, image or sound, and what stands in for one.
_FURTHER: dict[str, PartInputRule] = {**text.ENDINGS, **image.ENDINGS, **audio.ENDINGS}
_ENDINGS: dict[str, PartInputRule] = {**_FURTHER, **embeddings.ENDINGS}


def alternatives(maker: InputBuilder, name: str) -> Candidates | None:
    """Return what the input could look like, the likeliest first; None where nothing tells."""
    rule = _rule(name)
    if rule is None and name in dependent_rules(maker.model):
        return masks.stand_in(maker)
    told = shaped_as_documented(maker, name)
    if rule is None:
        return told
    known = rule(maker)
    shapes = [value.shape for value in known]
    return known + [value for value in told or [] if value.is_floating_point() and value.shape not in shapes]


def unknown(maker: InputBuilder) -> list[str]:
    """Return the inputs without a default that no rule, other input or documentation tells anything of."""
    return [name for name in required(maker.model) if not (name in maker.given or _knows(maker, name))]


def unusual(model: torch.nn.Module) -> list[str]:
    """Return the inputs that no modality asks for: another text or image, and what only the documentation tells.

    Labels are for training alone, and a model counts positions by itself.
    """
    told = documented_inputs(model)
    return [
        name
        for name in parameters(model)
        if name not in _RULES
        and not name.endswith(("labels", "position_ids"))
        and (name.endswith(tuple(_FURTHER)) or (_rule(name) is None and name in told))
    ]


def _knows(maker: InputBuilder, name: str) -> bool:
    return _rule(name) is not None or name in dependent_rules(maker.model) or from_docstring(maker, name) is not None


def _rule(name: str) -> InputRule | None:
    """Return the rule for an input: its own, or that of what its name ends with."""
    if name in _RULES:
        return _RULES[name]
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), None)
    if ending is None:
        return None
    rule, part = _ENDINGS[ending], name.removesuffix(ending)
    return lambda maker: rule(maker, part)

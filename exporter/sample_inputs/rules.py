"""Generate each input of `forward` by the rule for its name.

In transformers the name of an input determines the modality (`input_ids`, `pixel_values`, `input_features`, ...). The
name of an additional text, image or sound is the name of its part, followed by a known name. Shapes and value ranges
come from the config and the processor, never from the model's name.
"""

from __future__ import annotations

import torch

from . import audio, embeddings, image, masks, patches, series, text
from .builder import CandidateTensors, InputBuilder, InputRule, PartInputRule
from .dependent import dependent_rules
from .docstring_parser import documented_inputs
from .from_docstring import documented_shape, from_docstring
from .signature import forward_parameters, required_parameters

_RULES: dict[str, InputRule] = {
    **text.RULES,
    **embeddings.RULES,
    **image.RULES,
    **patches.RULES,
    **audio.RULES,
    **series.RULES,
    **masks.RULES,
}
# Rules by the ending of a name: additional texts, images and audio, and embeddings in place of them.
_ADDITIONAL_ENDINGS: dict[str, PartInputRule] = {**text.ENDINGS, **image.ENDINGS, **audio.ENDINGS}
_ENDINGS: dict[str, PartInputRule] = {**_ADDITIONAL_ENDINGS, **embeddings.ENDINGS}


def candidate_tensors(builder: InputBuilder, name: str) -> CandidateTensors | None:
    """Return possible values of an input, the likeliest first; None if there is no rule and no documentation for it."""
    rule = _rule(name)
    if rule is None and name in dependent_rules(builder.model):
        return masks.placeholder_mask(builder)
    documented = from_docstring(builder, name)
    if rule is None:
        return documented
    known = rule(builder)
    shapes = [value.shape for value in known]
    return known + [value for value in documented or [] if value.is_floating_point() and value.shape not in shapes]


def unknown_inputs(builder: InputBuilder) -> list[str]:
    """Return the required inputs that are not given and cannot be generated."""
    return [
        name
        for name in required_parameters(builder.model)
        if not (name in builder.given or _can_generate(builder, name))
    ]


def additional_inputs(model: torch.nn.Module) -> list[str]:
    """Return the inputs that belong to no modality: additional texts, images and audio, and documented inputs.

    Labels are excluded because only training uses them, and position ids because models compute them.
    """
    documented = documented_inputs(model)
    return [
        name
        for name in forward_parameters(model)
        if name not in _RULES
        and not name.endswith(("labels", "position_ids"))
        and (name.endswith(tuple(_ADDITIONAL_ENDINGS)) or (_rule(name) is None and name in documented))
    ]


def _can_generate(builder: InputBuilder, name: str) -> bool:
    return (
        _rule(name) is not None or name in dependent_rules(builder.model) or documented_shape(builder, name) is not None
    )


def _rule(name: str) -> InputRule | None:
    """Return the rule for the name of an input, or for its ending; None if there is none."""
    if name in _RULES:
        return _RULES[name]
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), None)
    if ending is None:
        return None
    rule, part = _ENDINGS[ending], name.removesuffix(ending)
    return lambda builder: rule(builder, part)

"""Whether two profiles of the same model agree: the intervals of modules with 1% of the time or more overlap."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import hpass

MODELS = ("bert", "gpt2", "resnet", "mobilenet_v2", "vit", "swin", "whisper", "segformer", "mixtral", "plain_unet")
_MIN_SHARE = 0.01


class Agreement(NamedTuple):
    """The pairs of intervals of a model, and those that overlap."""

    model: str
    pairs: int
    overlapping: int


def agreement(cache: Path, runs: int) -> list[Agreement]:
    """Profile each model twice."""
    return [_of(model, cache / f"{model}.current", runs) for model in MODELS if (cache / f"{model}.current").exists()]


def _of(model: str, folder: Path, runs: int) -> Agreement:
    one, other = (
        hpass.profile(folder / "model.onnx", runs=runs, inputs=folder / "inputs.npz").modules for _ in range(2)
    )
    heavy = [scope for scope, module in one.items() if module.share >= _MIN_SHARE]
    overlapping = [
        scope
        for scope in heavy
        if one[scope].low_us <= other[scope].high_us and other[scope].low_us <= one[scope].high_us
    ]
    return Agreement(model, len(heavy), len(overlapping))

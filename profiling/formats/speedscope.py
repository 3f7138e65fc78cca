"""speedscope's own format (https://www.speedscope.app/file-format-schema.json)."""

from __future__ import annotations

import json

from ..profile import Profile
from .frames import stacks


def dumps(profile: Profile) -> str:
    """Return the profile as a sampled profile of speedscope, in microseconds of the wall time."""
    index: dict[str, int] = {}
    samples: list[list[int]] = []
    weights: list[float] = []
    for labels, us in stacks(profile):
        samples.append([index.setdefault(label, len(index)) for label in labels])
        weights.append(us)
    value = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": profile.model,
        "exporter": "hpass",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": label} for label in index]},
        "profiles": [
            {
                "type": "sampled",
                "name": profile.model,
                "unit": "microseconds",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        ],
    }
    return json.dumps(value, allow_nan=False) + "\n"

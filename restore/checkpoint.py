"""A checkpoint of a model's weights, which gives back the names of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..evidence.parameter_names import is_parameter
from ..graph.model import Model
from .weight_matching import match_weights
from .weight_storage import StoredWeight, checkpoint_weights, model_weights


@dataclass(frozen=True)
class Checkpoint:
    """Weights by the names of their parameters."""

    name: str
    weights: tuple[StoredWeight, ...]

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Open a `.safetensors` file. Raises UsageError where it cannot be read."""
        return cls(str(path), tuple(checkpoint_weights(path)))

    def renamed_weights(self, model: Model) -> dict[str, str]:
        """Return the checkpoint's name of each of the model's weights that has no parameter's name."""
        lost = [weight for weight in model_weights(model) if not is_parameter(weight.name)]
        return match_weights(self.weights, lost)

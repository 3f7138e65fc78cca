"""A checkpoint of a model's weights, which restores the names of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..evidence.parameter_names import is_parameter
from ..graph.model import Model
from .weight_matching import match_weights
from .weight_storage import StoredWeight, checkpoint_weights, model_weights


@dataclass(frozen=True)
class Checkpoint:
    """The path of a checkpoint and its weights, which are named like the parameters of the PyTorch model."""

    name: str
    weights: tuple[StoredWeight, ...]

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Open a `.safetensors` file. Raises UsageError if it cannot be read."""
        return cls(str(path), tuple(checkpoint_weights(path)))

    def renamed_weights(self, model: Model) -> dict[str, str]:
        """Return the checkpoint's name of each weight of the model whose own name is not that of a parameter."""
        unnamed = [weight for weight in model_weights(model) if not is_parameter(weight.name)]
        return match_weights(self.weights, unnamed)

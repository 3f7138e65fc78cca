"""The options of an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .sample_inputs.spec import InputSpec

Engine = Literal["auto", "dynamo", "torchscript"]
ENGINES: tuple[Engine, ...] = ("auto", "dynamo", "torchscript")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `hpass export`."""

    task: str | None = None
    class_name: str | None = None
    random_weights: bool = False
    trust_remote_code: bool = False
    inputs: Sequence[InputSpec] = ()
    engine: Engine = "auto"
    generation: bool = False
    dynamic: bool = False
    verbose: bool = False

"""One of the two models of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx

from ..graph.plain_copy import PlainCopy
from ..graph.submodel import input_names, part_of, weight_types, with_outputs
from ..running.request import request_for
from ..running.settings import SessionSettings
from .arithmetic import arithmetic
from .borders import Borders, Part
from .values import Job, Values


@dataclass(frozen=True)
class ComparedModel:
    """A model, its tags by node names, and where to run it."""

    name: str
    folder: Path | None
    copy: PlainCopy
    settings: SessionSettings
    scratch: Path

    @cached_property
    def borders(self) -> Borders:
        """The borders of its modules."""
        return Borders(self.copy.proto, self.copy.tags)

    @cached_property
    def inputs(self) -> list[str]:
        """The names of the model's inputs, in order."""
        return input_names(self.copy.proto)

    @property
    def outputs(self) -> list[str]:
        """The names of the model's outputs, in order."""
        return list(self.borders.graph.outputs)

    @property
    def arithmetic(self) -> str:
        """The coarsest numbers in which the model computes: a key of `arithmetic.THRESHOLDS_DB`."""
        operators = (node.operator for node in self.borders.graph.nodes)
        return arithmetic(operators, weight_types(self.copy.proto))

    def given(self, inputs: Values) -> Values:
        """Return inputs by the model's names: those of that name or, if one is missing, all in order."""
        if inputs.paths.keys() >= set(self.inputs):
            return Values({name: inputs.paths[name] for name in self.inputs})
        return Values(dict(zip(self.inputs, inputs.paths.values(), strict=False)))

    def job(self, name: str, inputs: Values, values: Iterable[str]) -> Job:
        """Return the job to run the whole model for some of its values."""
        names = tuple(dict.fromkeys(values))
        return self._job(name, with_outputs(self.copy.proto, names), inputs, names)

    def local_job(self, name: str, part: Part, reads: Values, types: Mapping[str, Any]) -> Job:
        """Return the job to run a part of the model on given values. `types` are the element types of these by name."""
        shapes = {read: (types[read], reads[read].shape) for read in part.reads}
        model = part_of(self.copy.proto, part.positions, shapes, part.writes)
        return self._job(name, model, Values({read: reads.paths[read] for read in part.reads}), part.writes)

    def _job(self, name: str, model: onnx.ModelProto, inputs: Values, values: tuple[str, ...]) -> Job:
        folder = self.scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        request: dict[str, Any] = request_for(
            model, name=self.name, folder=self.folder, scratch=folder, settings=self.settings
        )
        return Job(request, inputs, values, folder)

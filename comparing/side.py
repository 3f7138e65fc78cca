"""One of the two models of a comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from ..graph.flat_nodes import FlatGraph
from ..graph.plain_copy import PlainCopy
from ..graph.submodel import part_of, weight_types, with_outputs
from ..running.request import request_for
from ..running.settings import SessionSettings
from .borders import Borders, Part
from .values import Arrays, Job, save_arrays

# The signal-to-noise ratio from which on two models agree, in decibels, by how B computes. float32 keeps about 140 dB
# in one operation and float16 60; a model of some depth loses some of it. Not tuned.
_EXACT_DB, _HALF_DB, _QUANTISED_DB = 80.0, 35.0, 15.0
_HALF = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
_QUANTISED = ("QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "MatMulNBits")


@dataclass(frozen=True)
class ComparedModel:
    """A model, its tags by node names, and where to run it."""

    name: str
    folder: Path | None
    copy: PlainCopy
    settings: SessionSettings
    scratch: Path

    def borders(self) -> Borders:
        """Return the borders of its modules."""
        return Borders(self.copy.proto, self.copy.tags)

    @property
    def outputs(self) -> list[str]:
        """The names of the model's outputs."""
        return list(FlatGraph.of(self.copy.proto.graph).outputs)

    @property
    def precision_db(self) -> float:
        """The signal-to-noise ratio that a model of this precision keeps."""
        if any(node.operator in _QUANTISED for node in FlatGraph.of(self.copy.proto.graph).nodes):
            return _QUANTISED_DB
        return _HALF_DB if weight_types(self.copy.proto) & {*_HALF} else _EXACT_DB

    def job(self, inputs: Path, values: Iterable[str]) -> Job:
        """Return the job to run the whole model for some of its values."""
        names = tuple(dict.fromkeys(values))
        return self._job("model", with_outputs(self.copy.proto, names), inputs, names)

    def local_job(self, name: str, part: Part, reads: Arrays) -> Job:
        """Return the job to run a part of the model on given values."""
        folder = self._scratch(name)
        save_arrays(folder / "inputs.npz", [reads[read] for read in part.reads])
        model = part_of(self.copy.proto, part.positions, reads, part.writes)
        return self._job(name, model, folder / "inputs.npz", part.writes)

    def _job(self, name: str, model: onnx.ModelProto, inputs: Path, values: tuple[str, ...]) -> Job:
        folder = self._scratch(name)
        request: dict[str, Any] = request_for(
            model, name=self.name, folder=self.folder, scratch=folder, settings=self.settings
        )
        return Job(request, inputs, values, folder / "values.npz")

    def _scratch(self, name: str) -> Path:
        folder = self.scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

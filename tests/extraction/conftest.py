"""Models in which the module of every node is known, and onnxruntime as it runs them: without optimisations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from text_models import model, stack

from hpass.api import ensure_tagged
from hpass.extraction.extract import ExtractedModule, Extractor
from hpass.graph.verify.runtime_worker import find_inputs

FIXTURES = Path(__file__).parents[2] / "fixtures"
Values = Mapping[str, Any]


class Models:
    """Extractors of models, and runs of them."""

    @staticmethod
    def of_text(nodes: str, scopes: Mapping[str, str], parameters: Collection[str] = (), **text: Any) -> Extractor:
        """Return an extractor of a model of these nodes; `scopes` has the module of each node, by its name."""
        metadata = {name: stack(*_open_modules(scope)) for name, scope in scopes.items()}
        made = model(nodes, metadata=metadata, parameters=parameters, **text)
        for index, weight in enumerate(made.graph.initializer):
            weight.float_data[:] = np.random.default_rng(index).standard_normal(16)
        return Extractor(ensure_tagged(made))

    @staticmethod
    def session(proto: onnx.ModelProto, folder: Path) -> Any:
        """Return a session of a model whose external data is in a folder."""
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder.absolute()))
        return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def values(self, extractor: Extractor, modules: Collection[ExtractedModule]) -> dict[str, Any]:
        """Run a whole model, and return the values at the borders of modules."""
        proto = onnx.ModelProto()
        proto.CopyFrom(extractor.run.model.proto)
        names = {name for module in modules for name in (*module.piece.inputs, *module.piece.outputs)}
        known = {value.name for value in (*proto.graph.input, *proto.graph.output)}
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names - known))
        session = self.session(proto, extractor.folder)
        inputs, results = find_inputs(session)
        return {**inputs, **dict(zip([value.name for value in session.get_outputs()], results, strict=True))}

    def run(self, proto: onnx.ModelProto, folder: Path, values: Values) -> dict[str, Any]:
        """Run a model on the inputs that it has among some values."""
        session = self.session(proto, folder)
        names = [value.name for value in session.get_outputs()]
        results = session.run(names, {value.name: values[value.name] for value in session.get_inputs()})
        return dict(zip(names, results, strict=True))


def _open_modules(scope: str) -> list[str]:
    atoms = scope.split(".") if scope else []
    return [".".join(atoms[: length + 1]) for length in range(len(atoms))]


@pytest.fixture
def models() -> Models:
    """Return what makes and runs models."""
    return Models()


@pytest.fixture
def fixture() -> Callable[[str], Extractor]:
    """Return a function that tags a committed model."""

    def extractor(name: str) -> Extractor:
        return Extractor(ensure_tagged(FIXTURES / f"{name}.onnx"))

    return extractor

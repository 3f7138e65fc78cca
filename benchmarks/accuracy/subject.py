"""Run hpass, the subject of the benchmark, and read its predictions from the tags it writes."""

from __future__ import annotations

from pathlib import Path

import onnx

import hpass

from .score import Answer


def tag(model: onnx.ModelProto, *, modules: Path | None = None, reference: Path | None = None) -> onnx.ModelProto:
    """Return the tagged model. `modules` and `reference` are the files of the options with these names."""
    return hpass.run(model, modules=modules, reference=reference).apply()


def answers(tagged: onnx.ModelProto) -> list[Answer]:
    """Return the prediction for each node of the main graph. Only the documented metadata keys are used."""
    found: list[Answer] = []
    for node in tagged.graph.node:
        keys = {entry.key: entry.value for entry in node.metadata_props}
        scope, source, confidence = (keys.get(f"hpass.{key}") for key in ("scope", "source", "confidence"))
        found.append(Answer(scope, source or "none", confidence or "none", keys.get("hpass.serves")))
    return found


def surviving_tags(model: onnx.ModelProto) -> int:
    """Return the number of nodes of the main graph that have a tag."""
    return sum(any(entry.key == "hpass.scope" for entry in node.metadata_props) for node in model.graph.node)

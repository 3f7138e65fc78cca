"""Compare what two models compute, and find the module that goes wrong first."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from .api import TAGGING, ModelSource, Run, ensure_tagged, load, run
from .comparing.comparison import Comparison
from .comparing.descent import Descent
from .comparing.side import ComparedModel
from .graph.plain_copy import PlainCopy, plain_copy
from .running.inputs import make_inputs
from .running.settings import SessionSettings


def compare(
    a: ModelSource,
    b: ModelSource,
    *,
    inputs: str | Path | None = None,
    sizes: Mapping[str, int] | None = None,
    threshold: float | None = None,
    levels: tuple[str, str] = ("none", "none"),
) -> Comparison:
    """Run two models on the same inputs in onnxruntime, each in a process of its own, and find where they part.

    A model without tags is tagged in memory, B with A as its reference. `inputs` is an .npz file; without one, inputs
    are made up, with free dimensions of the given `sizes` by name. `threshold` is the signal-to-noise ratio in decibels
    from which on outputs agree; by default it depends on the precision of the two. `levels` are the optimisation levels
    of A and B.

    If the outputs agree, nothing else is measured. Raises UsageError if an argument is wrong, and HpassError if a model
    cannot be opened or does not run.
    """
    tagged_a, model_b = ensure_tagged(a), load(b)
    is_tagged = model_b.stored_version is not None
    tagged_b = run(model_b, TAGGING, reference=None if is_tagged else tagged_a.model)
    with tempfile.TemporaryDirectory(prefix="hpass-") as folder:
        scratch = Path(folder)
        if inputs is None:
            inputs = scratch / "inputs.npz"
            make_inputs(tagged_a.model, inputs, sizes or {})
        one, two = (
            ComparedModel(found.model.name, found.model.folder, _plain(found), SessionSettings(level), scratch / side)
            for found, side, level in ((tagged_a, "a", levels[0]), (tagged_b, "b", levels[1]))
        )
        descent = Descent(one, two, Path(inputs), tagged_a.modules)
        outputs = descent.outputs()
        bar = min(one.precision_db, two.precision_db) if threshold is None else threshold
        path = [] if outputs.quality >= bar else descent.find()
    return Comparison(
        a=one.name,
        b=two.name,
        outputs=outputs,
        threshold=bar,
        first=path[-1] if path else None,
        path=path,
        modules=descent.modules,
        unpaired=list(descent.unpaired),
        runs=descent.runs,
    )


def _plain(tagged: Run) -> PlainCopy:
    return plain_copy(tagged.model.snapshot(tagged.tags(), tagged.modules).proto)

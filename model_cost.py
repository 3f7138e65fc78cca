"""Count what one run of a model takes, by module."""

from __future__ import annotations

from collections.abc import Mapping

from .api import ModelSource, Run, ensure_tagged, load
from .costs.aggregate import by_module, by_operator, total
from .costs.cost import Cost
from .costs.graph_cost import costs_of
from .costs.shapes import infer
from .costs.sizes import free_names
from .graph.plain_copy import plain_copy


def cost(source: ModelSource | Run, *, sizes: Mapping[str, int] | None = None) -> Cost:
    """Count the operations, the parameters and the bytes of one run of a model, in total and by module.

    A model without tags is tagged in memory; a Run has its tags. `sizes` are numbers for free dimensions by name; what
    depends on others is a formula. Nothing runs, and no weights are read. Shapes come from the file, from onnx's shape
    inference, and from onnxruntime's, in processes of their own with a time limit.

    Raises UsageError if the model has no such dimension, and HpassError if it cannot be opened.
    """
    tagged = source if isinstance(source, Run) else ensure_tagged(load(source))
    plain = plain_copy(tagged.model.snapshot(tagged.tags(), tagged.modules).for_runtime())
    types = infer(plain.proto, sizes or {}, tagged.model.name)
    nodes = costs_of(plain.proto, types)
    scopes = {name: tag.scope for name, tag in plain.tags.items()}
    modules, amounts = tagged.modules, total(nodes)
    return Cost(
        model=tagged.model.name,
        sizes=dict(sizes or {}),
        free=tuple(sorted(free_names(amounts.macs + amounts.flops + amounts.activation_bytes))),
        total=amounts,
        modules=by_module(nodes, lambda name: scopes.get(name, "")),
        class_names={scope: name for scope in modules if (name := modules[scope].bare_class) is not None},
        operators=by_operator(nodes),
    )

"""Extract one module of a tagged model as a model of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from ..analysis.module_calls import calls_by_weights, equal_visits, has_one_call, told_apart
from ..api import TAGGING, ModelSource, Run, ensure_tagged, run
from ..errors import HpassError, UsageError, quoted
from ..evidence.parameter_uses import folded_values
from ..graph.dataflow import Dataflow
from ..graph.decode import as_text
from ..graph.files import model_file
from ..graph.files.write_errors import translate_write_errors
from ..outlining.outlined_functions import DOMAIN
from ..selection.modules import nearest_modules
from ..selection.node_instances import node_instances
from ..tags.scope import is_descendant, natural_sort_key, parent
from .build_model import build_model
from .locate import graphs_of, members
from .piece import Piece, between, cut, returns
from .preparation import Preparation
from .value_types import ValueTypes
from .write_model import write_model


def extract(source: ModelSource, scope: str, call: int | None = None) -> ExtractedModule:
    """Open a model, tag it, and return one of its modules as a model. No file is written.

    Of a module that is called more than once, `call` chooses the call, from 0; the first by default.

    Raises UsageError for an unknown module or call, and HpassError for a model that cannot be opened or a module that
    cannot be a model of its own.
    """
    return Extractor(ensure_tagged(source)).extract(scope, call)


@dataclass(frozen=True)
class ExtractedModule:
    """A module as a model of its own.

    `call` is the number of the call, from 0, and `calls` the number of calls that were told apart. `folder` has the
    external data that `model` names. `in_main_graph` says whether the inputs are values of the main graph. `others`
    counts the nodes of modules elsewhere in the module tree which it calls.
    """

    scope: str
    call: int
    calls: int
    piece: Piece
    model: onnx.ModelProto
    folder: Path
    in_main_graph: bool
    others: int

    def save(self, path: str | Path) -> None:
        """Write the model, with the external data that it needs, to a file. Raises HpassError if that fails."""
        with model_file.transaction_for(path) as transaction, translate_write_errors(Path(path)):
            write_model(transaction, Path(path), self.model, self.folder)


@dataclass
class Extractor:
    """Cuts pieces out of one tagged model. What is worked out for the whole model is worked out once.

    `model` may have placeholders for large values; pieces have none. Functions that `outline` made are inlined,
    and all others once a module is asked for of which nodes run in one that another module calls.
    """

    run: Run
    model: onnx.ModelProto = field(init=False)
    folder: Path = field(init=False)
    _preparations: dict[tuple[int, ...], Preparation] = field(default_factory=dict[tuple[int, ...], Preparation])

    def __post_init__(self) -> None:
        if any(function.domain == DOMAIN for function in self.run.model.skeleton.functions):
            # The modules inside of an outlined module are in its function, of which no part can be cut out.
            self._inline_functions()
        self._open()

    def _inline_functions(self) -> None:
        """Go on with a copy of the model without functions. The values of the main graph keep their names."""
        self.run = run(self.run.model.snapshot(self.run.tags(), self.run.modules), f"{TAGGING},inline")

    def _open(self) -> None:
        self.run.write_tags()
        self.model = self.run.model.skeleton
        self.folder = self.run.model.folder or Path()
        self._preparations.clear()

    def modules(self) -> list[str]:
        """Return the modules that nodes ran in, and the called modules above them, in natural order."""
        table = self.run.modules
        scopes = {tag.scope for tag in self.run.context.distinct_tags()}
        above: set[str] = set()
        for scope in scopes:
            name = parent(scope)
            while name and name not in above:
                above.add(name)
                name = parent(name)
        return sorted({"", *scopes, *filter(table.is_called, above)}, key=natural_sort_key)

    def extract(self, scope: str, call: int | None = None) -> ExtractedModule:
        """Return a module as a model; of a module that is called more than once, one call, the first by default.

        Raises UsageError for an unknown module or call, and HpassError for a module that cannot be a model of its own.
        """
        preparation, nodes = self._locate(self._known(scope))
        flow = preparation.flow
        found = self.calls(preparation, nodes, scope, wanted=call is not None)
        number = call or 0
        if number >= len(found):
            counted = "once" if len(found) == 1 else f"{len(found)} times"
            raise UsageError(f"--call {number}: '{scope}' is called {counted}; calls count from 0")
        own = found[number]
        piece = cut(preparation, own)
        if returns(flow, piece) and has_one_call(preparation, own, scope):
            # A module that it calls is named elsewhere, such as an embedding that encoder and decoder share.
            others = between(flow, own)
            if len(others) < len(own):
                piece = cut(preparation, sorted([*own, *others]))
        if returns(flow, piece):
            raise HpassError(
                f"{self.run.model.name}: '{scope}' cannot be cut out: it is not convex (what it computes leaves and "
                "comes back), and its calls cannot be told apart; extract the module around it, or one below"
            )
        model = self.build(preparation, piece)
        return ExtractedModule(
            scope,
            number,
            len(found),
            piece,
            model,
            self.folder,
            in_main_graph=len(flow.graphs) == 1,
            others=len(piece.nodes) - len(own),
        )

    def calls(self, preparation: Preparation, nodes: list[int], scope: str, *, wanted: bool = False) -> list[list[int]]:
        """Return the nodes of each call of a module.

        If its weights do not tell the calls apart, a module that is convex is one piece, unless a call is wanted.
        """
        if wanted:
            return told_apart(preparation, nodes, scope)
        found = calls_by_weights(preparation, nodes, scope)
        if len(found) > 1 or has_one_call(preparation, nodes, scope) or not returns_whole(preparation, nodes):
            return found
        return equal_visits(preparation, nodes, scope)

    def build(self, preparation: Preparation, piece: Piece) -> onnx.ModelProto:
        """Return the model of a piece. Raises HpassError if the type of an input is unknown."""
        types = preparation.types.get([*piece.inputs, *piece.outputs])
        unknown = [as_text(name) for name in piece.inputs if name not in types]
        if unknown:
            raise HpassError(
                f"{self.run.model.name}: the type of the input {quoted(unknown[0])} is unknown, and onnxruntime does "
                "not open the model to tell it; add the type to the model's value_info"
            )
        built = build_model(self.model, preparation.flow, piece, types)
        if self.run.model.placeholders is not None:
            self.run.model.placeholders.complete(built)
        return built

    def _known(self, scope: str) -> str:
        if scope not in self.run.modules and not any(is_descendant(known, scope) for known in self.run.modules):
            raise UsageError(f"no module {quoted(scope)}{nearest_modules(scope, self.modules())}")
        return scope

    def whole(self) -> Preparation:
        """Return the main graph, from which any of its nodes can be cut."""
        return self._prepared([self.model.graph], [])

    def _prepared(self, graphs: list[onnx.GraphProto], holders: list[int]) -> Preparation:
        key = (*holders, id(graphs[-1]))
        if key not in self._preparations:
            flow = Dataflow.of(graphs, holders)
            types = ValueTypes.of(self.run.model.for_runtime(), self.folder, flow)
            model = self.run.model
            self._preparations[key] = Preparation.with_types(flow, types, model.placeholders, folded_values(model))
        return self._preparations[key]

    def _locate(self, scope: str) -> tuple[Preparation, list[int]]:
        function = self._function_around(scope)
        if function is not None:
            self._inline_functions()
            self._open()
            function = self._function_around(scope)
        if function is not None:
            raise HpassError(
                f"{self.run.model.name}: '{scope}' runs inside the function '{function}', which cannot be inlined "
                "(`hpass run --passes all,inline` says why); extract the module that calls it"
            )
        preparation, nodes = self._nodes_of(scope)
        if not nodes:
            raise HpassError(
                f"{self.run.model.name}: no node ran in '{scope}'; `hpass tree` shows which modules have nodes"
            )
        return preparation, nodes

    def _nodes_of(self, scope: str) -> tuple[Preparation, list[int]]:
        graphs, holders = graphs_of(self.model, scope)
        preparation = self._prepared(graphs, holders)
        return preparation, [preparation.flow.start + index for index in members(graphs[-1], scope)]

    def _function_around(self, scope: str) -> str | None:
        """Return a function that another module calls and in which nodes of this one run; None if there is none."""
        if not self.model.functions:
            return None
        for instance in node_instances(self.run.model, self.run.tag):
            if instance.calls and is_descendant(instance.scope, scope):
                caller = self.run.tag(instance.calls[0])
                if caller is None or not is_descendant(caller.scope, scope):
                    return instance.calls[-1].op
        return None


def returns_whole(preparation: Preparation, nodes: Iterable[int]) -> bool:
    """Whether all nodes of a module together are not convex."""
    whole = list(nodes)
    return returns(preparation.flow, cut(preparation, whole))

"""The modules of profiled nodes by their names, and of compiled partitions by the record of assignments."""

from __future__ import annotations

from text_models import model

from hpass.profiling.node_modules import ModuleLookup, NodeModule, OptimisedNodes
from hpass.profiling.node_times import ProfiledNode
from hpass.profiling.profiled_names import ProfiledNames
from hpass.tags.module_table import ModuleTable
from hpass.tags.tag_format import Source, Tag

MODEL = model('["a"] h = Relu(x) ["b"] i = Conv(h, w) ["c"] y = Neg(i)', parameters=["w"])
TAGS = {name: Tag(scope, Source.NAME) for name, scope in (("a", "m.one"), ("b", "m.two"), ("c", "n"))}
NOTHING = OptimisedNodes({}, {})


def scopes(
    *nodes: tuple[str, str, str],
    optimised: OptimisedNodes = NOTHING,
    partitions: tuple[tuple[str, tuple[str, ...]], ...] = (),
) -> list[str | None]:
    table = ModuleTable()
    for scope in ("", "m", "m.one", "m.two", "n"):
        table.add(scope, called=True)
    names = ProfiledNames(ModuleLookup(TAGS, table), MODEL, optimised, partitions)
    return [module.scope for module in names.modules_of([ProfiledNode(*node) for node in nodes])]


def test_names_that_onnxruntime_changed() -> None:
    renamed = ("a", "a_token_3", "fused b", "i_nchwc", "b/MatMulScaleFusion/", "Gather_token_1")

    assert scopes(*((name, "Op", "CPU") for name in renamed)) == ["m.one", "m.one", "m.two", "m.two", "m.two", None]


def test_what_the_saved_model_says_counts_more_than_the_name() -> None:
    known = OptimisedNodes({"a": NodeModule("m")}, {})

    assert scopes(("a", "Relu", "CPU"), optimised=known) == ["m"]


def test_nodes_without_names_go_by_their_numbers() -> None:
    known = OptimisedNodes({}, {"Mul": [NodeModule("m.one"), NodeModule("n")]})

    assert scopes(("Mul_12", "Mul", "CPU"), ("Mul_9", "Mul", "CPU"), optimised=known) == ["n", "m.one"]
    assert scopes(("Mul_12", "Mul", "CPU"), optimised=known) == [None]


def test_a_compiled_partition_is_in_the_module_of_all_its_nodes() -> None:
    partitions = (("NPU", ("a", "b")), ("CPU", ("c",)), ("NPU", ("c",)))
    events = (("NPU_1_0", "NPU_1", "NPU"), ("NPU_2_0", "NPU_2", "NPU"))

    assert scopes(*events, partitions=partitions) == ["m", "n"]
    assert scopes(events[0], partitions=partitions) == [None]

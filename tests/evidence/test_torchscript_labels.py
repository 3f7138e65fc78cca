"""TorchScript's labels, back to modules: each way in which they lose something, with and without a module table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpass.evidence.known_modules import KnownModules
from hpass.evidence.label_uses import LabelUses, Owners
from hpass.evidence.parameter_names import label
from hpass.evidence.torchscript_labels import Resolved, resolve

Paths = Mapping[str, Sequence[str]]


def resolved(paths: Paths, owners: Sequence[str] = (), table: Sequence[str] | None = None) -> dict[str, Resolved]:
    """Resolve paths of labels (`a/b`), each with the owners of the parameters read there.

    Without a table, the known modules are all owners, those given and those read.
    """
    read = [owner for found in paths.values() for owner in found]
    known = KnownModules.of([*owners, *read]) if table is None else KnownModules.of(table, complete=True)
    by_labels = {
        known.rejoin(tuple(path.split("/"))): LabelUses(Owners(Counter(found))) for path, found in paths.items()
    }
    found = resolve(by_labels, known)
    return dict(zip(paths, (found[labels] for labels in by_labels), strict=True))


def scopes(paths: Paths, owners: Sequence[str] = (), table: Sequence[str] | None = None) -> dict[str, str]:
    return {path: found.scope for path, found in resolved(paths, owners, table).items()}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param({"a/b": []}, {"a/b": "a.b"}, id="plain labels, nothing known"),
        pytest.param({"a": ["a"], "a/b": ["a.b"]}, {"a": "a", "a/b": "a.b"}, id="plain labels, parameters known"),
        pytest.param(
            {"stage/stage.0/stage.0.0/fc1": []},
            {"stage/stage.0/stage.0.0/fc1": "stage.0.0.fc1"},
            id="a called Sequential repeats",
        ),
        pytest.param(
            {"a/stage.0/fc": ["a.stage.0.fc"]}, {"a/stage.0/fc": "a.stage.0.fc"}, id="a ModuleList gives its number"
        ),
        pytest.param(
            {"encoder/layer.0/fc": ["encoder.blocks.layer.0.fc"]},
            {"encoder/layer.0/fc": "encoder.blocks.layer.0.fc"},
            id="a container that is not called vanishes",
        ),
        pytest.param({"a": ["pool.a"]}, {"a": "pool.a"}, id="a ModuleDict vanishes"),
        pytest.param(
            {"decoder/fc": ["model.decoder.fc"], "decoder/act": []},
            {"decoder/fc": "model.decoder.fc", "decoder/act": "model.decoder.act"},
            id="a model in a model that is called by its forward vanishes",
        ),
        pytest.param(
            {"norm": ["norm"], "norm_1": ["norm"]}, {"norm": "norm", "norm_1": "norm"}, id="a module called again"
        ),
        pytest.param(
            {"norm": ["norm"], "norm_1": ["norm_1"]},
            {"norm": "norm", "norm_1": "norm_1"},
            id="a module whose own name ends in a number",
        ),
        pytest.param(
            {"norm": ["a.norm"], "norm_1": ["b.norm"]},
            {"norm": "a.norm", "norm_1": "b.norm"},
            id="another module of the same label counts as called again",
        ),
        pytest.param(
            {"block": [], "block/fc": ["block.fc"], "block_1/fc": ["block.fc"]},
            {"block": "block", "block/fc": "block.fc", "block_1/fc": "block.fc"},
            id="a number on the label of a module called again, none on its children's",
        ),
        pytest.param(
            {"block/fc": ["x.block.fc"], "block": [], "block/fc_1": ["y.block.fc"], "block_1": []},
            {"block/fc": "x.block.fc", "block": "x.block", "block/fc_1": "y.block.fc", "block_1": "y.block"},
            id="another module of the same label, its children's labels below the first one's",
        ),
        pytest.param(
            {"a/fc": ["x.a.fc"], "a/act": [], "a/fc_1": ["y.a.fc"], "a_1": [], "a/act_1": []},
            {"a/fc": "x.a.fc", "a/act": "x.a.act", "a/fc_1": "y.a.fc", "a_1": "y.a", "a/act_1": "y.a.act"},
            id="children of another module of the same label share its number",
        ),
        pytest.param(
            {"layer.0": ["x.layer.0"], "layer.0_1": ["y.layer.0"]},
            {"layer.0": "x.layer.0", "layer.0_1": "y.layer.0"},
            id="blocks of two stages",
        ),
        pytest.param({"heads/a/b": ["heads.a/b"]}, {"heads/a/b": "heads.a/b"}, id="a slash in a module's name"),
        pytest.param({"0": ["0"], "1": [], "2": ["2"]}, {"0": "0", "1": "1", "2": "2"}, id="a Sequential at the root"),
        pytest.param(
            {"act/act.1": [], "act/act.0": ["act.0"]},
            {"act/act.1": "act.1", "act/act.0": "act.0"},
            id="a sibling without parameters",
        ),
        pytest.param(
            {"b/fc": ["a.fc"]},
            {"b/fc": "a.fc"},
            id="a module registered elsewhere, known by what it reads",
        ),
    ],
)
def test_labels_are_resolved_by_the_parameters(paths: Paths, expected: dict[str, str]) -> None:
    assert scopes(paths) == expected


@pytest.mark.parametrize(
    ("paths", "table", "expected"),
    [
        pytest.param({"a": []}, ["pool.a"], {"a": "pool.a"}, id="a ModuleDict vanishes"),
        pytest.param(
            {"act": [], "act_1": []},
            ["act"],
            {"act": "act", "act_1": "act"},
            id="a module called again, without parameters",
        ),
        pytest.param(
            {"act": [], "act_1": []},
            ["act", "act_1"],
            {"act": "act", "act_1": "act_1"},
            id="a name that ends in a number, without parameters",
        ),
        pytest.param(
            {"encoder/layer.1/act": []},
            ["model.encoder.layers.layer.1.act", "model.decoder.layer.1.act"],
            {"encoder/layer.1/act": "model.encoder.layers.layer.1.act"},
            id="containers vanish at every level",
        ),
        pytest.param(
            {"stage/stage.0/act": []}, ["stage.0.act"], {"stage/stage.0/act": "stage.0.act"}, id="a Sequential repeats"
        ),
        pytest.param({"stage/0": []}, ["stage.0", "0"], {"stage/0": "stage.0"}, id="a Sequential in a name of hpass"),
    ],
)
def test_labels_are_resolved_by_a_module_table(paths: Paths, table: Sequence[str], expected: dict[str, str]) -> None:
    assert scopes(paths, table=table) == expected


@pytest.mark.parametrize(
    ("paths", "table", "certain"),
    [
        pytest.param({"a": []}, None, False, id="no parameter and no table confirms it"),
        pytest.param({"a": ["a"]}, None, True, id="a parameter confirms it"),
        pytest.param({"a": []}, ["a"], True, id="the table has it"),
        pytest.param({"a": []}, ["b"], False, id="the table lacks it"),
        pytest.param({"a": []}, ["x.a", "y.a"], False, id="the table has two of them"),
        pytest.param({"a": ["x.a"]}, ["x.a", "y.a"], True, id="a parameter tells which"),
        pytest.param({"a": []}, ["a", "y.a"], True, id="the nearer one"),
        pytest.param({"a": [], "b": ["c.b"]}, None, False, id="its neighbour is known to lie in a container"),
    ],
)
def test_what_fits_other_modules_as_well_is_not_certain(
    paths: Paths, table: Sequence[str] | None, *, certain: bool
) -> None:
    assert resolved(paths, table=table)["a"].certain is certain


@pytest.mark.parametrize(
    ("paths", "called", "expected"),
    [
        pytest.param({"a": []}, {"a": False, "a.a": True}, ("a.a", True), id="only a called module has a label"),
        pytest.param(
            {"a": []}, {"a": True, "x": True, "x.a": True}, ("a", True), id="another module calls the other one"
        ),
        pytest.param({"a": []}, {"a": True, "x": False, "x.a": True}, ("a", False), id="the parent calls both"),
        pytest.param({"a": []}, {"x": True, "x.a": True}, ("x.a", True), id="one that is another module's own"),
        pytest.param(
            {"a": []}, {"x": True, "x.a": True, "y": True, "y.a": True}, ("x.a", False), id="one of two other modules'"
        ),
        pytest.param(
            {"a/a": []}, {"a": True, "x": True, "x.a": True}, ("x.a", True), id="a module does not call itself"
        ),
        pytest.param({"a": [], "a_1": []}, {"a": True}, ("a", True), id="a second call"),
        pytest.param(
            {"a": [], "a_1": []}, {"a": True, "a_1": True}, ("a_1", False), id="a second call, or a name that ends so"
        ),
        pytest.param(
            {"a": [], "a_1": []}, {"a": True, "x": False, "x.a": True}, ("a", False), id="a second call, or another"
        ),
        pytest.param(
            {"a/b": ["a.b"], "a_1": ["a"], "a": []},
            {"a": True, "a.b": True, "x": False, "x.a": True},
            ("a", False),
            id="one has nodes of its own, the other may have the labels below",
        ),
    ],
)
def test_a_table_tells_which_modules_call_others(
    paths: Paths, called: Mapping[str, bool], expected: tuple[str, bool]
) -> None:
    known = KnownModules.of(called, complete=True, called=called)
    by_labels = {tuple(path.split("/")): LabelUses(Owners(Counter(found))) for path, found in paths.items()}

    *_, last = by_labels
    found = resolve(by_labels, known)[last].of_nodes

    assert (found.scope, found.certain) == expected


def test_without_a_table_nodes_that_read_nothing_may_be_those_of_another_module_of_their_label() -> None:
    found = resolved({"a": [], "a_1": ["a"], "a/b": ["a.b"]})

    assert not found["a"].of_nodes.certain
    assert found["a/b"].certain


def test_a_module_that_also_runs_below_its_own_parent_may_be_another_one_with_the_same_weights() -> None:
    tied = resolved({"encoder/embed": ["decoder.embed"], "decoder/embed": ["decoder.embed"]})
    shared = resolved({"encoder/shared": ["shared"], "decoder/shared": ["shared"]})

    assert tied == {
        "encoder/embed": Resolved("decoder.embed", certain=False),
        "decoder/embed": Resolved("decoder.embed", certain=True),
    }
    assert [found.certain for found in shared.values()] == [True, True]


def test_doubt_about_a_module_is_doubt_about_what_lies_in_it() -> None:
    found = resolved({"a/b": []}, table=["x.a.b", "y.a.b"])

    assert not found["a/b"].certain


NAMES = st.lists(st.sampled_from(["a", "b", "layer.0", "layer.1", "fc"]), min_size=1, max_size=4).map(".".join)


def torchscript_path(scope: str, called: set[str]) -> str:
    """Return the labels that TorchScript writes for a module when the modules in `called` run around it."""
    return "/".join(label(name) for name in prefixes(scope) if name in called)


def prefixes(scope: str) -> list[str]:
    """Return the names from the outermost module down to this one."""
    atoms = scope.split(".")
    return [".".join(atoms[:end]) for end in range(1, len(atoms) + 1)]


@given(st.sets(NAMES, min_size=1, max_size=6))
def test_what_torchscript_would_write_leads_back_to_the_module_that_owns_a_parameter(modules: set[str]) -> None:
    # A container in which a module of its own label lies leaves two answers, of which the labels tell neither.
    containers = {label(above) for scope in modules for above in prefixes(scope) if above not in modules}
    assume(not containers & {label(scope) for scope in modules})
    written = Counter(torchscript_path(scope, modules) for scope in modules)
    paths = {torchscript_path(scope, modules): [scope] for scope in sorted(modules)}

    found = scopes(paths, owners=sorted(modules))
    unique = [path for path in paths if written[path] == 1]

    assert [found[path] for path in unique] == [paths[path][0] for path in unique]


def test_deep_paths_neither_overflow_nor_blow_up() -> None:
    depth = 2_000
    path = "/".join(f"m{level}" for level in range(depth))

    assert scopes({path: []})[path] == path.replace("/", ".")


def test_many_labels_of_one_name_take_their_own_modules() -> None:
    count = 2_000
    paths = {f"layer.{index}/norm": [f"model.layer.{index}.norm"] for index in range(count)}

    assert scopes(paths) == {path: owners[0] for path, owners in paths.items()}

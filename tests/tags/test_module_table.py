"""The module table: class paths as docs/tag-format.md has them, and the JSON form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hpass
from hpass.tags.module_table import ModuleTable
from hpass.tags.scope import MAX_DEPTH, is_descendant, lca, natural_sort_key


def table(*scopes: str, called: bool = True, **classes: str | None) -> ModuleTable:
    """Return a table of called modules: bare names, and `name=Class` where `__` stands for a dot."""
    modules = ModuleTable()
    for scope in scopes:
        modules.add(scope, called=called)
    for scope, name in classes.items():
        modules.add("" if scope == "root" else scope.replace("__", "."), name, called=called)
    return modules


def containers(modules: ModuleTable, *scopes: str) -> ModuleTable:
    for scope in scopes:
        modules.add(scope, "torch.nn.modules.container.ModuleList", called=False)
    return modules


@pytest.mark.parametrize(
    ("modules", "scope", "tag"),
    [
        (table(root="M"), "", "/M"),
        (table(root="pkg.models.M"), "", "/M"),
        (table(root="M", fc="torch.nn.Linear"), "fc", "/M/Linear"),
        (ModuleTable.from_json({"": "M", "0": "Block"}, "t"), "0", "/M/Block.0"),
        # Containers that are never called give no segment.
        (
            containers(ModuleTable.from_json({"": "M", "layers.0.1": "Linear"}, "t"), "layers", "layers.0"),
            "layers.0.1",
            "/M/Linear.1",
        ),
        # Two modules that would get the same segment take their names below the ancestor.
        (table(root="M", down__0="Block", up__0="Block"), "down.0", "/M/Block.down.0"),
        (table(root="M", down__0="Block", up__0="Block"), "up.0", "/M/Block.up.0"),
        (table(root="M", down__0="Block", up__1="Block"), "down.0", "/M/Block.0"),
        (table(root="M", q="Linear", k="Linear"), "q", "/M/Linear.q"),
        # A slash or a percent sign in a name is encoded.
        (ModuleTable.from_json({"": "M", "heads.a/b": "Head"}, "t"), "heads.a/b", "/M/Head"),
        (ModuleTable.from_json({"": "M", "h.a/b": "Head", "h.50%": "Head"}, "t"), "h.a/b", "/M/Head.h.a%2Fb"),
        (ModuleTable.from_json({"": "M", "h.a/b": "Head", "h.50%": "Head"}, "t"), "h.50%", "/M/Head.h.50%25"),
        # A module of unknown class is its name.
        (table(root="M", mid=None, mid__fc="Linear"), "mid.fc", "/M/mid/Linear"),
        (table(root="M", mid=None, mid__fc="Linear"), "mid", "/M/mid"),
        # With no classes at all the tag is the scope, cut at its modules.
        (
            table("", "encoder", "encoder.layer.0", "encoder.layer.0.attention"),
            "encoder.layer.0.attention",
            "/encoder/layer.0/attention",
        ),
        (table("", "encoder"), "", "/"),
        # A scope that is not in the table is its name below the nearest module.
        (table(root="M", enc="Encoder"), "enc.x.y", "/M/Encoder/x.y"),
        (ModuleTable(), "a.b", "/a.b"),
        (ModuleTable(), "", "/"),
    ],
)
def test_a_class_path_has_a_segment_per_called_module(modules: ModuleTable, scope: str, tag: str) -> None:
    assert modules.path(scope) == tag


# Few names, some with what a path gives a meaning to.
ATOMS = st.sampled_from(["a", "b", "0", "1", "A", "A.a", "x/y", "%", "%2F", "b%2Ec", "é"])
SCOPES = st.lists(ATOMS, max_size=4).map(".".join)
CLASSES = st.sampled_from([None, "A", "B", "torch.nn.A", "pkg/A", "A%2E", "0", "a", "b"])
TABLES = st.dictionaries(SCOPES, st.tuples(CLASSES, st.sampled_from([True, True, False, None])), max_size=12)


def made(modules: dict[str, tuple[str | None, bool | None]]) -> ModuleTable:
    result = ModuleTable()
    for scope, (name, called) in modules.items():
        result.add(scope, name, called=called)
    return result


@settings(max_examples=500)
@given(TABLES)
@example({"a": ("0", True), "0": ("A", False), "b.0": ("A", True)})
def test_different_scopes_never_share_a_tag(modules: dict[str, tuple[str | None, bool | None]]) -> None:
    of = made(modules)
    paths = [of.path(scope) for scope in {"", *modules}]
    assert all(path.startswith("/") for path in paths)
    assert len(paths) == len(set(paths))


@settings(max_examples=500)
@given(TABLES)
def test_a_prefix_of_a_tag_is_the_tag_of_an_ancestor(modules: dict[str, tuple[str | None, bool | None]]) -> None:
    of = made(modules)
    for scope in {"", *modules}:
        above = {of.path(other) for other in {"", *modules} if is_descendant(scope, other)}
        segments = of.path(scope).split("/")[1:]
        assert all("/" + "/".join(segments[:end]) in above for end in range(1, len(segments) + 1))


@settings(max_examples=300)
@given(
    st.dictionaries(
        SCOPES,
        st.fixed_dictionaries(
            {},
            optional={
                "class": st.sampled_from(["A", "pkg.B", "é"]),
                "called": st.booleans(),
                "aliases": st.lists(SCOPES, min_size=1, max_size=2),
                "order": st.integers(0, 9),
                "parameters": st.lists(ATOMS, max_size=2),
            },
        ),
    )
)
def test_the_json_form_goes_round(modules: dict[str, Any]) -> None:
    text = json.dumps({"version": 1, "modules": modules})
    read = ModuleTable.loads(text, "t")
    assert read.to_json() == {"version": 1, "modules": modules}
    assert ModuleTable.loads(read.dumps(), "t").dumps() == read.dumps()


def test_a_plain_object_of_classes_is_a_table() -> None:
    read = ModuleTable.loads('{"": "M", "fc": "torch.nn.Linear", "x": null}', "t")
    assert read.to_json() == {
        "version": 1,
        "modules": {"": {"class": "M"}, "fc": {"class": "torch.nn.Linear"}, "x": {}},
    }


def test_a_module_may_be_named_modules() -> None:
    assert ModuleTable.loads('{"": "M", "modules": "ModuleList"}', "t")["modules"].class_name == "ModuleList"


def test_modules_are_written_in_natural_order() -> None:
    scopes = ["layer.10", "layer.2", "", "a", "layer.2.fc"]
    assert list(table(*scopes).to_json()["modules"]) == ["", "a", "layer.2", "layer.2.fc", "layer.10"]
    assert max(scopes, key=natural_sort_key) == "layer.10"


@given(st.lists(st.integers(0, 999), unique=True), st.sampled_from(["layer.{}", "layer{}", "{}.fc", "a{}b.c"]))
def test_numbers_are_ordered_by_value_wherever_they_stand(numbers: list[int], form: str) -> None:
    in_order = [form.format(number) for number in sorted(numbers)]
    assert sorted([form.format(number) for number in numbers], key=natural_sort_key) == in_order


def test_a_number_of_any_length_is_ordered() -> None:
    assert sorted(["9" * 5000, "1"], key=natural_sort_key) == ["1", "9" * 5000]


@given(st.lists(st.sampled_from(["", "a", "a1", "a10b", "1", "10", "2", "é3"]), max_size=4).map(".".join))
def test_a_module_stands_before_those_below_it(scope: str) -> None:
    assert natural_sort_key("") <= natural_sort_key(scope) < natural_sort_key(f"{scope}.x" if scope else "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "t.json: not valid JSON (Expecting value: line 1 column 1 (char 0))"),
        ("{", "t.json: not valid JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("[1]", "t.json: is a list; a module table is a JSON object that maps scopes to classes"),
        ("null", "t.json: is null; a module table is a JSON object that maps scopes to classes"),
        ('"M"', "t.json: is a string; a module table is a JSON object that maps scopes to classes"),
        ('{"version": 2, "modules": {}}', "t.json: module table of version 2; this hpass reads 1"),
        ('{"modules": {}}', "t.json: module table of version None; this hpass reads 1"),
        ('{"fc": 1}', "t.json: the entry of 'fc' is a number, not a class name or an object"),
        ('{"fc": ["A"]}', "t.json: the entry of 'fc' is a list, not a class name or an object"),
        ('{"fc": true}', "t.json: the entry of 'fc' is true or false, not a class name or an object"),
        ('{"fc": {"class": 1}}', "t.json: the class of 'fc' is a number, not a string"),
        ('{"fc": {"called": "yes"}}', "t.json: 'called' of 'fc' is a string, not true or false"),
        ('{"fc": {"aliases": "a"}}', "t.json: 'aliases' of 'fc' is not a list of names"),
        ('{"fc": {"aliases": [1]}}', "t.json: 'aliases' of 'fc' is not a list of names"),
        ('{"a..b": "A"}', "t.json: 'a..b' is not the name of a module; it has an empty part"),
        ('{"a.": "A"}', "t.json: 'a.' is not the name of a module; it has an empty part"),
        (
            r'{"\ud800": "A"}',
            r"t.json: '\ud800' is not the name of a module; it has half of a surrogate pair, which is not a character",
        ),
        ('{"a": {"aliases": ["b."]}}', "t.json: 'aliases' of 'a' is not a list of names"),
        ('{"a": {"order": "1"}}', "t.json: 'order' of 'a' is a string, not an integer"),
        ('{"a": {"order": true}}', "t.json: 'order' of 'a' is true or false, not an integer"),
        ('{"a": {"parameters": 1}}', "t.json: 'parameters' of 'a' is not a list of names"),
        *(
            (text, "t.json: the entry of 'a' is not JSON text in UTF-8 (a surrogate, NaN, deep nesting)")
            for text in (
                r'{"a": "\ud800"}',
                r'{"a": {"class": "\ud800"}}',
                r'{"a": {"aliases": ["\ud800"]}}',
                r'{"a": {"x": [{"\ud800": 1}]}}',
                '{"a": {"x": NaN}}',
                f'{{"a": {{"x": {"[" * 40}{"]" * 40}}}}}',
            )
        ),
        ("[" * 100_000, "t.json: not a module table (the JSON is nested too deeply)"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(hpass.HpassError) as refusal:
        ModuleTable.loads(text, "t.json")
    assert str(refusal.value) == said


def test_a_name_that_leads_too_deep_is_refused_and_shortened() -> None:
    deep = ".".join("a" * MAX_DEPTH)
    assert deep in ModuleTable.from_json({deep: "A"}, "t")

    with pytest.raises(hpass.HpassError, match="it has more than 100 parts") as refusal:
        ModuleTable.from_json({f"{deep}.{deep}": "A"}, "t")
    assert len(str(refusal.value)) < 200


def test_a_prefix_that_would_make_a_name_too_deep_is_not_prepended() -> None:
    modules = ModuleTable.from_json({".".join("a" * MAX_DEPTH): "A", "b": "B"}, "t")
    assert list(modules.aligned(["model.b"])) == list(modules)
    assert "model.b" in ModuleTable.from_json({"b": "B"}, "t").aligned(["model.b"])


def test_merging_adds_only_what_is_lacking() -> None:
    ours = ModuleTable.from_json({"": "M", "a": {"called": False, "order": 1}}, "t")
    ours.merge(ModuleTable.from_json({"": "N", "a": {"class": "A", "called": True, "order": 2, "x": 3}, "b": "B"}, "t"))
    assert ours.to_json()["modules"] == {
        "": {"class": "M"},
        "a": {"class": "A", "called": False, "order": 1, "x": 3},
        "b": {"class": "B"},
    }


def test_an_empty_class_is_an_unknown_one() -> None:
    modules = table(root="M", a="")
    assert modules.path("a") == ModuleTable.loads(modules.dumps(), "the test").path("a") == "/M/a"
    modules.add("a", "A")
    assert modules.path("a") == "/M/A"


def test_a_new_module_moves_the_tags_that_it_meets() -> None:
    modules = table(root="M", q="Linear")
    assert modules.path("q") == "/M/Linear"
    modules.add("k", "Linear")
    assert modules.path("q") == "/M/Linear.q"


@pytest.mark.parametrize(
    ("scopes", "common"),
    [([], ""), (["a.b"], "a.b"), (["a.b", "a.c"], "a"), (["a.b", "a.bc"], "a"), (["a", ""], ""), (["a.b", "a"], "a")],
)
def test_the_common_ancestor_is_cut_at_names(scopes: list[str], common: str) -> None:
    assert lca(scopes) == common


@pytest.mark.parametrize(
    ("entry", "called"),
    [
        ("ModuleList", False),
        ("torch.nn.modules.container.ModuleDict", False),
        ({"class": "ModuleList"}, False),
        ({"class": "ModuleList", "called": True}, True),
        ("mine.ModuleList", None),
        ("Sequential", None),
        (None, None),
    ],
)
def test_a_container_of_pytorch_is_never_called_unless_the_table_says_so(entry: object, called: object) -> None:
    assert ModuleTable.from_json({"a": entry}, "t")["a"].called is called

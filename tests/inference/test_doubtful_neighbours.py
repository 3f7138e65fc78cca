"""Which predictions rest on nodes whose own modules are in doubt."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from predictions import predict

from hpass import Confidence, Source, Tag
from hpass.inference.doubtful_neighbours import rests_on_doubt

NODES = '["0"] a = Relu(x) ["1"] c = Constant<value_float=1.0>() ["2"] b = Mul(a, c) ["3"] d = Relu(b)'
NAMED = Tag("m.act", Source.NAME, Confidence.HIGH)
UNSURE = NAMED._replace(confidence=Confidence.MEDIUM)
ELSEWHERE = Tag("m", Source.NAME, Confidence.HIGH)


MANY = [f"n{number}" for number in range(4)]


def in_doubt(known: Mapping[str, Tag], predicted: Mapping[str, str], confirmed: Collection[str]) -> set[str]:
    """Return the nodes in doubt, in a file that has other modules, which are confirmed."""
    others = "".join(f' ["{scope}"] other{number} = Relu(x)' for number, scope in enumerate(confirmed))
    tags = {scope: Tag(scope, Source.NAME, Confidence.HIGH) for scope in confirmed}
    found = predict(NODES + others, {**known, **tags}, predicted)
    return found.named(rests_on_doubt(found.problem, found.prediction))


@pytest.mark.parametrize(
    ("tag", "confirmed", "found"),
    [
        pytest.param(UNSURE, MANY, set(), id="other modules are in none"),
        pytest.param(UNSURE, [], {"1", "3"}, id="no other module is confirmed"),
        pytest.param(UNSURE, [*MANY, "n0.0", "n1.0"], {"1", "3"}, id="other modules are in containers"),
        pytest.param(NAMED, [], set(), id="the names are confirmed"),
        pytest.param(UNSURE._replace(source=Source.PARAMETER), MANY, {"1", "3"}, id="parameters that others may read"),
        pytest.param(UNSURE._replace(source=Source.REFERENCE), MANY, {"1", "3"}, id="a reference that is not sure"),
    ],
)
def test_a_module_is_as_certain_as_the_nodes_that_are_known_of_it(
    tag: Tag, confirmed: Collection[str], found: set[str]
) -> None:
    assert in_doubt({"0": tag, "2": tag}, {"1": "m.act", "3": "m.act"}, confirmed) == found


def test_one_certain_node_confirms_a_module() -> None:
    assert in_doubt({"0": NAMED, "2": ELSEWHERE}, {"1": "m.act", "3": "m.act"}, []) == set()


def test_an_operand_is_as_certain_as_its_readers() -> None:
    known = {"0": NAMED, "2": UNSURE._replace(source=Source.REFERENCE)}

    assert in_doubt(known, {"1": "m.act", "3": "m.act"}, MANY) == {"1"}

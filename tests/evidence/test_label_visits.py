"""Labels that are left and entered again."""

from __future__ import annotations

import pytest
from text_models import model

from hpass import Model
from hpass.evidence.label_visits import later_visits
from hpass.evidence.node_names import LabelPath, read_name

CALLED_BETWEEN = ["/act/Relu", "/fc/Gemm", "/act_1/Relu", "/fc2/Gemm", "/act_1/Relu_1"]


def found(names: list[str]) -> dict[str, bool]:
    """Return the nodes of these names that belong to two modules, each with whether it is a later visit's."""
    text = " ".join(
        f'["{name}"] v{index + 1} = {name.rpartition("/")[2].partition("_")[0]}(v{index})'
        for index, name in enumerate(names)
    )
    nodes = Model.open(model(text)).graph.nodes
    paths = [(path.labels, node) for node in nodes if isinstance(path := read_name(node.name), LabelPath)]
    return {node.name: later for node, later in later_visits(paths).items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(CALLED_BETWEEN, {"/act_1/Relu": False, "/act_1/Relu_1": True}, id="entered again"),
        pytest.param(CALLED_BETWEEN[1:], {}, id="no module of the name without the suffix"),
        pytest.param([*CALLED_BETWEEN[:3], "/act_1/Relu_1"], {}, id="not left in between"),
        pytest.param([*CALLED_BETWEEN[:3], "/fc2/Reshape", "/act_1/Relu_1"], {}, id="only a moved operation between"),
        pytest.param([*CALLED_BETWEEN[:4], "/act_1/Tanh"], {}, id="not the same operators"),
        pytest.param([*CALLED_BETWEEN, "/act_1/inner/Erf"], {}, id="modules are called inside"),
        pytest.param(
            ["/b/Add", "/b/fc/Gemm", "/b/Add_1", "/b_1/Add", "/b/fc_1/Gemm", "/b_1/Add_1"],
            {},
            id="a block called again",
        ),
    ],
)
def test_alike_visits_with_other_nodes_between_are_two_modules(names: list[str], expected: dict[str, bool]) -> None:
    assert found(names) == expected

"""Node data of Model Explorer: the time of each node, by the name of the node in the model that was profiled."""

from __future__ import annotations

import json

from ..profile import Profile

_GRAPH = "main_graph"
_COLD, _HOT = "#ffffff", "#e8453c"


def dumps(profile: Profile) -> str:
    """Return the time of each node in microseconds of the profiled run; Model Explorer sums them by group."""
    data = {
        "name": "time (us)",
        "results": {node.node.name: {"value": node.us} for node in profile.nodes},
        "gradient": [{"stop": 0, "bgColor": _COLD}, {"stop": 1, "bgColor": _HOT}],
    }
    return json.dumps({_GRAPH: data}, allow_nan=False) + "\n"

"""An attachment of Netron: the time of each node, shown beside the node if the file is opened over the model.

Netron finds a node by its name, so it shows the most over the model that onnxruntime saved.
"""

from __future__ import annotations

import json

from ..profile import Profile


def dumps(profile: Profile) -> str:
    """Return the time of each node in microseconds of the profiled run, and its module."""
    # Netron cuts a name at a line break and drops an entry without a name.
    nodes = [node for node in profile.nodes if node.node.name and "\n" not in node.node.name]
    value = {
        "signature": "netron:attachment",
        "metadata": [
            {"kind": "node", "target": node.node.name, "name": "module", "value": node.module.scope}
            for node in nodes
            if node.module.scope is not None
        ],
        "metrics": [{"kind": "node", "target": node.node.name, "name": "time_us", "value": node.us} for node in nodes],
    }
    return json.dumps(value, allow_nan=False) + "\n"

"""`python -m benchmarks.viewers --environments FOLDER -o docs/images`: pictures of models in Model Explorer and Netron.

It stops if Model Explorer shows a node in another group than its module. Chromium has to be installed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import hpass
from benchmarks.environments import Environments, Tool

_FIXTURE = Path(__file__).parents[2] / "fixtures" / "bert_tiny.onnx"
_TOOLS = Path(__file__).parent / "tools"
_VIEWERS = Tool("ai-edge-model-explorer", ("model-explorer-onnx", "netron", "playwright"))
_OPEN_GROUP = "BertModel/BertEncoder/BertLayer.1"
# Netron shows what is behind the last dot: 0 is encoder.layer.0.
_OPEN_FUNCTIONS = ("encoder", "0")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewers", description=__doc__)
    parser.add_argument("--environments", type=Path, required=True, help="the folder for the viewers' environment")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder for the pictures")
    options = parser.parse_args()
    program = shutil.which("chromium") or parser.error("there is no chromium")

    environments = Environments(options.environments)
    output = options.output.absolute()
    with tempfile.TemporaryDirectory() as folder:
        # Both viewers show the name of the file.
        model = Path(folder, "bert_tiny.onnx")
        run = hpass.run(_FIXTURE, "all,annotate:key=namespace")
        run.save(model)
        script, picture = _TOOLS / "model_explorer_picture.py", output / "model-explorer.png"
        groups = json.loads(environments.run(_VIEWERS, script, model, picture, program, _OPEN_GROUP))
        wrong = [node.name for node, tag in run.tags() if groups[node.name] != run.modules.path(tag.scope)]
        if wrong:
            raise SystemExit(f"{len(wrong)} nodes are in another group than their module, such as {wrong[0]}")
        hpass.run(_FIXTURE, "all,outline").save(model)
        environments.run(
            _VIEWERS, _TOOLS / "netron_picture.py", model, output / "netron.png", program, *_OPEN_FUNCTIONS
        )


if __name__ == "__main__":
    main()

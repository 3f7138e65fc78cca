"""Open a model in Model Explorer: MODEL PICTURE CHROMIUM GROUP.

The picture has the group open. What is printed is a JSON object of the groups in which Model Explorer shows each node.
"""

import contextlib
import io
import json
import sys
import urllib.parse
from functools import partial
from pathlib import Path

import model_explorer
from browser import chromium, served, take_picture
from model_explorer_onnx.main import ONNXAdapter

_PORT = 8941
_WIDTH, _HEIGHT = 1700, 1500
_SIDE_BAR = 370  # pixels
_DRAWN_AFTER_MS = 8_000


def serve(model: str, port: int) -> None:
    """Run Model Explorer's server."""
    config = model_explorer.config().add_model_from_path(model)
    with contextlib.redirect_stdout(io.StringIO()):
        model_explorer.visualize_from_config(
            config=config, port=port, extensions=["model_explorer_onnx"], no_open_in_browser=True
        )


def page_state(model: str, graph: str, group: str) -> str:
    """Return the part of the address that says which groups are open."""
    pane = {
        "deepestExpandedGroupNodeIds": [f"{graph}/{group}___group___"],
        "selectedNodeId": "",
        "selectedGraphId": graph,
        "selectedCollectionLabel": Path(model).name,
        "widthFraction": 1,
        "selected": True,
    }
    return "?data=" + urllib.parse.quote(json.dumps({"models": [{"url": model}], "uiState": {"paneStates": [pane]}}))


def main() -> None:
    """Print the groups and take the picture."""
    model, picture, program, group = sys.argv[1:]
    graph = ONNXAdapter().convert(model, {})["graphs"][0]
    with served(partial(serve, model), _PORT) as address, chromium(program) as browser:
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        page.goto(address + page_state(model, graph.id, group))
        page.wait_for_selector("canvas")
        page.wait_for_timeout(_DRAWN_AFTER_MS)
        take_picture(page.context.new_cdp_session(page), Path(picture), _WIDTH - _SIDE_BAR, _HEIGHT)
    json.dump({node.id: node.namespace.removeprefix(graph.id) for node in graph.nodes}, sys.stdout)


if __name__ == "__main__":
    main()

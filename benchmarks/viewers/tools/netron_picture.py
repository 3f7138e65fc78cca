"""Open a model in Netron: MODEL PICTURE CHROMIUM NODE...; the functions of the nodes are opened one in another."""

import sys
import time
from functools import partial
from pathlib import Path

import netron
from browser import chromium, served, take_picture
from playwright.sync_api import CDPSession

_PORT = 8942
_WIDTH, _HEIGHT = 900, 700
_LOADED_AFTER_S = 10
_DRAWN_AFTER_S = 3


def serve(model: str, port: int) -> None:
    """Run Netron's server."""
    netron.start(model, ("localhost", port), browse=False)
    netron.wait()


def open_function(session: CDPSession, node: str) -> None:
    """Click on the sign of a function that is next to the name of a node."""
    query = f"//*[local-name()='text' and text()='{node}']/following::*[text()='\u0192'][1]"
    session.send("DOM.getDocument", {"depth": -1})
    search = session.send("DOM.performSearch", {"query": query})
    page = {"searchId": search["searchId"], "fromIndex": 0, "toIndex": search["resultCount"]}
    [sign, *_] = session.send("DOM.getSearchResults", page)["nodeIds"]
    session.send("DOM.scrollIntoViewIfNeeded", {"nodeId": sign})
    [corners, *_] = session.send("DOM.getContentQuads", {"nodeId": sign})["quads"]
    place = {"x": sum(corners[0::2]) / 4, "y": sum(corners[1::2]) / 4, "button": "left", "clickCount": 1}
    for event in ("mousePressed", "mouseReleased"):
        session.send("Input.dispatchMouseEvent", {"type": event, **place})
    time.sleep(_DRAWN_AFTER_S)


def main() -> None:
    """Take the picture."""
    model, picture, program, *nodes = sys.argv[1:]
    with served(partial(serve, model), _PORT) as address, chromium(program) as browser:
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        # Without the cookie Netron asks whether it may report errors.
        page.context.add_cookies([{"name": "consent", "value": "1", "url": address}])
        # Netron replaces window.eval, which the usual calls of Playwright need.
        session = page.context.new_cdp_session(page)
        session.send("Page.navigate", {"url": address})
        time.sleep(_LOADED_AFTER_S)
        for node in nodes:
            open_function(session, node)
        take_picture(session, Path(picture), _WIDTH, _HEIGHT)


if __name__ == "__main__":
    main()

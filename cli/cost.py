"""`hpass cost`: what one run of a model computes, reads and writes, by module."""

from __future__ import annotations

import sys

from .dataclass_options import with_dataclass_options
from .file_uses import FileUses
from .shared_options import Dimensions, Input, Json
from .streams import uses_box_drawing, write_json, write_result
from .tagging_options import TaggingOptions


@with_dataclass_options
def cost(source: Input, *, dims: Dimensions = None, tagging: TaggingOptions, json: Json = False) -> None:
    """Count what one run computes, reads and writes, by module.

    Nothing runs and no weights are read. What depends on a free dimension is a formula unless --dim gives its size.
    What is not known is counted and shown as ?.
    """
    from ..api import load
    from ..model_cost import cost as model_cost
    from ..running.settings import parse_dimensions

    uses = FileUses()
    uses.read(source, f"the input {source}")
    tagging.add_files(uses)
    sizes = parse_dimensions(dims or ())
    found = model_cost(tagging.run(load(source)), sizes=sizes)
    if json:
        from ..costs.json_format import to_json

        write_json(to_json(found))
    else:
        from .cost_text import cost_lines

        write_result(*cost_lines(found, ascii_only=not uses_box_drawing(sys.stdout)))

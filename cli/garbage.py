"""Free the memory of a file when it is done."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def garbage_freed() -> Generator[None]:
    """Return a context without automatic garbage collection, which frees at its end what was made in it.

    Graphs contain reference cycles. Objects that were there before are not examined: those of the libraries alone take
    longer than to tag a small file.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if was_enabled:
            gc.enable()

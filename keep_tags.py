"""Keep a model's tags through a tool that drops them: an optimiser, a quantiser."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .api import Run, as_reference, ensure_tagged, run
from .errors import UsageError
from .tags.module_table import ModuleTable


@dataclass
class KeptTags:
    """The model before a tool, tagged, and after the block of `keeping` the tool's result, tagged."""

    before: Run
    after: Run | None = None


@contextmanager
def keeping(
    source: str | Path, output: str | Path | None = None, *, modules: ModuleTable | None = None
) -> Generator[KeptTags]:
    """Return a context in which a tool reads the model `source` and writes the model `output`, which is tagged after.

    The tags are those of `source`, which need not be tagged itself. Without `output`, the tool writes over `source`. If
    the block raises an exception, the tool's result stays as it is.

    Raises HpassError if a model cannot be read or written, and UsageError if the tool would write over external data.
    """
    target = Path(source if output is None else output)
    before = ensure_tagged(source, modules=modules)
    if before.model.locations and target.exists() and target.samefile(source):
        raise UsageError(f"{source}: the tool would write over its external data; let it write to another file")
    kept = KeptTags(before)
    yield kept
    kept.after = run(target, reference=as_reference(before))
    kept.after.save(target)

"""Tag a file on a worker of a cluster."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from ..batch.dask_cluster import installed_version
from .exit_codes import BAD_MODEL
from .garbage import garbage_freed
from .outcome import Outcome
from .run_job import try_job

if TYPE_CHECKING:
    from ..batch.location import Location
    from .run_options import RunOptions

# What is printed is redirected for the whole process.
_one_at_a_time = Lock()
_last_options: dict[str, RunOptions] = {}


def tag_on_worker(options: RunOptions, version: str, source: Location, target: Location) -> Outcome:
    """Tag a file with options of another process, if this one has the same version of hpass."""
    ours = installed_version()
    if ours != version:
        # It came after the others were checked.
        error = f"{source}: a worker has hpass {ours}; install {version} there"
        return Outcome(source, BAD_MODEL, error=error)
    with _one_at_a_time, garbage_freed():
        return try_job(_kept(options), source, target)


def _kept(options: RunOptions) -> RunOptions:
    """Return the options of the last file if they are equal: they keep the module table, which takes time to read."""
    key = repr(options)
    if key not in _last_options:
        _last_options.clear()
        _last_options[key] = options
    return _last_options[key]

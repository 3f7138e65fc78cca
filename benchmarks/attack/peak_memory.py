"""The peak memory of this process."""

from __future__ import annotations

import sys

try:
    import resource
except ImportError:  # Windows

    def peak_memory() -> float:
        """Return 0, because this system does not say."""
        return 0.0
else:
    _UNITS_PER_MEGABYTE = 1 << 20 if sys.platform == "darwin" else 1 << 10

    def peak_memory() -> float:
        """Return the peak memory of this process in megabytes."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_PER_MEGABYTE

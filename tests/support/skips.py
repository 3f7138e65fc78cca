"""What some tests need of the system."""

from __future__ import annotations

import os

import pytest

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs signals, pipes, processes or permissions of POSIX")
not_as_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read and write anything")

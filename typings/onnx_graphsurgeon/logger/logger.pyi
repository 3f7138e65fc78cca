from collections.abc import Callable
from enum import IntEnum
from typing import Any

class LogMode(IntEnum):
    EACH = 0
    ONCE = 1

class Logger:
    severity: int
    once_logged: set[int]
    log: Callable[..., Any]

G_LOGGER: Logger

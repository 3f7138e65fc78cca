"""Which modules a run calls, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def record_calls(model: torch.nn.Module) -> Generator[list[str]]:
    """Collect, in order of first call, the names of the modules called while the context is open.

    A module with several names is listed under the first that `named_modules` gives it. torch.export traces a
    copy of a plain module; the hooks are closures, which a copy shares, so the copy reports here too.
    """
    order: list[str] = []
    seen: set[str] = set()

    def recorder(name: str) -> Callable[[torch.nn.Module, Any], None]:
        def record(_module: torch.nn.Module, _args: Any) -> None:
            if name not in seen:
                seen.add(name)
                order.append(name)

        return record

    handles = [module.register_forward_pre_hook(recorder(name)) for name, module in model.named_modules()]
    try:
        yield order
    finally:
        for handle in handles:
            handle.remove()

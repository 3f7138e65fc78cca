"""Record which modules a run calls, and in which order."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def record_calls(model: torch.nn.Module) -> Generator[list[str]]:
    """Return a context that collects the names of called modules in a list, in order of first call.

    A module with several names has the first name in `named_modules`. torch.export traces a copy of a module. The copy
    shares the hooks, which are closures, so its calls are recorded as well. Not recorded are calls in the branches of
    torch.cond.
    """
    order: list[str] = []
    seen: set[str] = set()

    def make_hook(name: str) -> Callable[[torch.nn.Module, Any], None]:
        def hook(_module: torch.nn.Module, _args: Any) -> None:
            # Dynamo traces the branches of torch.cond, and refuses functions that change something outside of them.
            if not torch.compiler.is_dynamo_compiling() and name not in seen:
                seen.add(name)
                order.append(name)

        return hook

    handles = [module.register_forward_pre_hook(make_hook(name)) for name, module in model.named_modules()]
    try:
        yield order
    finally:
        for handle in handles:
            handle.remove()

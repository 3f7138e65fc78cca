from typing import Any

class LazyValues:
    tensor: Any
    shape: list[int]
    dtype: Any
    nbytes: int
    def __init__(self, tensor: Any) -> None: ...
    def load(self) -> Any: ...

class SparseValues(LazyValues): ...

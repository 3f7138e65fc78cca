# What hpass uses of graphsurgeon, which has no types of its own.
from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt
import onnx

class Tensor:
    name: str
    inputs: list[Node]
    outputs: list[Node]
    dtype: Any
    shape: Any
    def is_empty(self) -> bool: ...

class Variable(Tensor):
    type: str
    def __init__(
        self, name: str, dtype: Any = None, shape: Sequence[int | str | None] | None = None, type: str = ...
    ) -> None: ...

class Constant(Tensor):
    _values: Any
    data_location: int | None
    def __init__(self, name: str, values: Any, data_location: int | None = None, export_dtype: Any = None) -> None: ...
    @property
    def values(self) -> npt.NDArray[Any]: ...
    @values.setter
    def values(self, values: npt.NDArray[Any]) -> None: ...

class Node:
    class AttributeRef:
        name: str
        type: Any
        def __init__(self, name: str, type: Any) -> None: ...

    op: str
    name: str
    domain: str | None
    attrs: dict[str, Any]
    inputs: list[Tensor]
    outputs: list[Tensor]
    def __init__(
        self,
        op: str,
        name: str | None = None,
        attrs: dict[str, Any] | None = None,
        inputs: Sequence[Tensor] | None = None,
        outputs: Sequence[Tensor] | None = None,
        domain: str | None = None,
    ) -> None: ...

class Graph:
    nodes: list[Node]
    inputs: list[Tensor]
    outputs: list[Tensor]
    name: str
    doc_string: str
    opset: int | None
    producer_name: str
    producer_version: str
    functions: list[Function]
    import_domains: Sequence[onnx.OperatorSetIdProto] | None
    def __init__(
        self,
        nodes: Sequence[Node] | None = None,
        inputs: Sequence[Tensor] | None = None,
        outputs: Sequence[Tensor] | None = None,
        name: str | None = None,
        doc_string: str | None = None,
        opset: int | None = None,
        import_domains: Iterable[onnx.OperatorSetIdProto] | None = None,
        producer_name: str | None = None,
        producer_version: str | None = None,
        functions: Sequence[Function] | None = None,
        ir_version: int | None = None,
    ) -> None: ...

class Function(Graph):
    domain: str
    attrs: dict[str, Any]
    def __init__(
        self,
        name: str,
        domain: str | None = None,
        nodes: Sequence[Node] | None = None,
        inputs: Sequence[Tensor] | None = None,
        outputs: Sequence[Tensor] | None = None,
        doc_string: str | None = None,
        opset: int | None = None,
        import_domains: Iterable[onnx.OperatorSetIdProto] | None = None,
        functions: Sequence[Function] | None = None,
        attrs: dict[str, Any] | None = None,
    ) -> None: ...

def import_onnx(onnx_model: onnx.ModelProto) -> Graph: ...

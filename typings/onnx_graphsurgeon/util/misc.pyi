from typing import Any

class SynchronizedList(list[Any]):
    parent_obj: Any
    field_name: str

def convert_from_onnx_attr_type(onnx_attr_type: int) -> Any: ...

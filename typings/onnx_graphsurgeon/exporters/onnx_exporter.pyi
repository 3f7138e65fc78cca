from typing import Any

import onnx
import onnx_graphsurgeon as gs

class OnnxExporter:
    @staticmethod
    def export_tensor_proto(tensor: gs.Constant) -> onnx.TensorProto: ...
    @staticmethod
    def export_value_info_proto(tensor: gs.Tensor, do_type_check: bool) -> onnx.ValueInfoProto: ...
    @staticmethod
    def export_attributes(attrs: dict[str, Any]) -> list[onnx.AttributeProto]: ...

"""Checks of models: onnx.checker, a fingerprint of all that must not change, and a comparison in onnxruntime."""

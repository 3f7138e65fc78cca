"""Modules as local functions of ONNX, and functions inlined. Both edit the messages of a model."""

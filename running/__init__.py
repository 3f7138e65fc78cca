"""Sessions of onnxruntime in a process of their own, and inputs that a model accepts."""

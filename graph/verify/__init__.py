"""Proofs: the rules of ONNX, fingerprints of what must not change, and what onnxruntime computes."""

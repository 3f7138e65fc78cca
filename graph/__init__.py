"""The lossless bridge between ONNX messages and graphsurgeon's graphs."""

"""The lossless bridge between ONNX files and graphsurgeon, the tags, and the module table."""

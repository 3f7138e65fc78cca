"""Open a model with the CPU and ggml's execution provider: MODEL OPTION.

OPTION is the value of `session.layer_assignment_settings`. What is printed is a JSON list of the nodes on the CPU.
"""

import json
import os
import sys

# ggml writes to standard output as well.
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import onnxruntime  # noqa: E402
import onnxruntime_ggml  # noqa: E402

model, option = sys.argv[1:]
onnxruntime.register_execution_provider_library("ggml", str(onnxruntime_ggml.library_path()))
options = onnxruntime.SessionOptions()
options.add_provider_for_devices([device for device in onnxruntime.get_ep_devices() if device.ep_name == "ggml"], {})
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
options.add_session_config_entry("session.layer_assignment_settings", option)
session = onnxruntime.InferenceSession(model, options)
with answer:
    json.dump(
        [
            node.name
            for group in session.get_provider_graph_assignment_info()
            if group.ep_name == "CPUExecutionProvider"
            for node in group.get_nodes()
        ],
        answer,
    )

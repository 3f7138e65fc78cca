"""The tools, and what each does to a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import Tool

SCRIPTS = Path(__file__).parent / "tools"
# With this version, pip takes a build for the CPU if one is at hand.
_TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class Method:
    """What a tool does to a model: a script with its first arguments, and the form of `hpass select` that it reads."""

    tool: Tool
    title: str
    form: str
    script: str
    arguments: tuple[str, ...] = ()


_OLIVE = Tool("olive-ai", ("onnxruntime", "requests", _TORCH))
# It declares onnxruntime-gpu and CuPy, which need CUDA.
_MODELOPT = Tool(
    "nvidia-modelopt",
    (
        "cppimport",
        "lief",
        "ninja",
        "nvidia-ml-py",
        "omegaconf",
        "onnx==1.21.0",
        "onnx_graphsurgeon",
        "onnxconverter-common",
        "onnxruntime",
        "onnxscript",
        "onnxslim",
        "packaging",
        "polygraphy",
        "PuLP",
        "pydantic",
        "regex",
        "rich",
        "safetensors",
        "scipy",
        "setuptools",
        _TORCH,
        "tqdm",
    ),
    alone=True,
)
_NNCF = Tool("nncf", ("onnx", "onnxruntime"))
_AIMET = Tool("aimet-onnx", (_TORCH, "torchvision==0.28.0"))

METHODS = (
    Method(_OLIVE, "`OnnxDynamicQuantization`", "olive", "olive_pass.py", ("dynamic_quantization",)),
    Method(_OLIVE, "`OnnxStaticQuantization`", "olive", "olive_pass.py", ("static_quantization",)),
    Method(_OLIVE, "`OnnxFloatToFloat16`", "olive", "olive_pass.py", ("float16",)),
    Method(_MODELOPT, "`onnx.quantization.quantize`", "modelopt", "modelopt_int8.py"),
    Method(_MODELOPT, "`onnx.autocast`", "modelopt", "modelopt_autocast.py"),
    Method(_NNCF, "`quantize`", "nncf", "nncf_int8.py"),
    Method(_AIMET, "`QuantizationSimModel`", "aimet", "aimet_int8.py"),
)

"""Generate the models of the speed benchmark: `python -m benchmarks.speed.synthetic_models NAME PATH` writes one."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

_Value = tuple[str, int, list[int]]

LAYERS, HIDDEN, INNER, WORDS, POSITIONS = 12, 768, 3072, 30522, 512
GPT2_WORDS, GPT2_POSITIONS = 50257, 1024
_IN_LAYER = ("",) * 10
# Three modules for five nodes.
_IN_SMALL_MODULES = ("", "", "", "/first", "/second")
EXTERNAL_BYTES = 4 << 30


def chain(nodes: int, path: Path, places: Sequence[str] = _IN_LAYER) -> None:
    """Write a chain of elementwise nodes with the names of TorchScript.

    A layer has a node in each of `places`, which are modules in the layer; an empty one is the layer itself.
    """
    graph = onnx.GraphProto(name="chain")
    previous = "x"
    for index in range(nodes):
        layer = f"layers.{index // len(places)}"
        inputs = [previous]
        if index % len(places) == 0:
            inputs.append(f"{layer}.bias")
            graph.initializer.append(helper.make_tensor(inputs[1], TensorProto.FLOAT, [4], [0.1, 0.2, 0.3, 0.4]))
        op = "Add" if len(inputs) > 1 else ("Relu", "Sigmoid", "Tanh", "Neg", "Abs")[index % 5]
        name = f"/{layer}{places[index % len(places)]}/{op}_{index}"
        previous = f"{name}_output_0"
        graph.node.append(helper.make_node(op, inputs, [previous], name=name))
    _save(graph, ("x", TensorProto.FLOAT, [4]), (previous, TensorProto.FLOAT, [4]), path)


def bert_base(path: Path) -> None:
    """Write a model with the nodes and sizes of BERT-base and 440 MB of random weights in the file."""
    graph = onnx.GraphProto(name="bert")
    random = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> str:
        values = random.standard_normal(shape, np.float32)
        graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, shape, values.tobytes(), raw=True))
        return name

    def add(op: str, scope: str, *inputs: str) -> str:
        name = f"/{scope.replace('.layer.', '/layer.').replace('.', '/').replace('layer/', 'layer.')}/{op}"
        graph.node.append(helper.make_node(op, inputs, [f"{name}_output_0"], name=name))
        return f"{name}_output_0"

    def linear(scope: str, value: str, size: int, out: int) -> str:
        product = add("MatMul", scope, value, weight(f"{scope}.weight", size, out))
        return add("Add", scope, weight(f"{scope}.bias", out), product)

    def norm(scope: str, value: str) -> str:
        return add(
            "LayerNormalization", scope, value, weight(f"{scope}.weight", HIDDEN), weight(f"{scope}.bias", HIDDEN)
        )

    words = add("Gather", "embeddings.word_embeddings", weight("embeddings.word_embeddings.weight", WORDS, HIDDEN), "x")
    weight("embeddings.position_embeddings.weight", POSITIONS, HIDDEN)
    hidden = norm("embeddings.LayerNorm", words)
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"
        attention = f"{layer}.attention.self"
        query, key, value = (
            linear(f"{attention}.{name}", hidden, HIDDEN, HIDDEN) for name in ("query", "key", "value")
        )
        scores = add("Softmax", attention, add("Mul", attention, query, key))
        context = add("Identity", attention, add("Sub", attention, scores, value))
        dense = linear(f"{layer}.attention.output.dense", context, HIDDEN, HIDDEN)
        hidden = norm(f"{layer}.attention.output.LayerNorm", add("Add", f"{layer}.attention.output", dense, hidden))
        inner = add("Gelu", f"{layer}.intermediate.act", linear(f"{layer}.intermediate.dense", hidden, HIDDEN, INNER))
        dense = linear(f"{layer}.output.dense", inner, INNER, HIDDEN)
        hidden = norm(f"{layer}.output.LayerNorm", add("Add", f"{layer}.output", dense, hidden))
    pooled = add("Tanh", "pooler.activation", linear("pooler.dense", hidden, HIDDEN, HIDDEN))
    _save(graph, ("x", TensorProto.INT64, [1, 16]), (pooled, TensorProto.FLOAT, [1, 16, HIDDEN]), path)


def gpt2(layers: int, path: Path) -> None:
    """Write a model with nodes and sizes like those of GPT-2, and random weights in the file.

    A layer has 28 MB of weights, and the embeddings 157 MB. Protobuf cannot write 2 GiB, so the weights are written one
    by one between the fields before and after them.
    """
    weights = {"transformer.wte.weight": [GPT2_WORDS, HIDDEN], "transformer.wpe.weight": [GPT2_POSITIONS, HIDDEN]}
    nodes: list[onnx.NodeProto] = []

    def add(op: str, scope: str, *inputs: str) -> str:
        name = f"/transformer/{scope}/{op}"
        nodes.append(helper.make_node(op, inputs, [f"{name}_output_0"], name=name))
        return f"{name}_output_0"

    def linear(scope: str, value: str, size: int, out: int) -> str:
        module = f"transformer.{scope.replace('/', '.')}"
        weights.update({f"{module}.weight": [size, out], f"{module}.bias": [out]})
        return add("Add", scope, add("MatMul", scope, value, f"{module}.weight"), f"{module}.bias")

    hidden = add("Gather", "wte", "transformer.wte.weight", "x")
    hidden = add("Add", "wpe", hidden, add("Gather", "wpe", "transformer.wpe.weight", "x"))
    for layer in range(layers):
        query = linear(f"h.{layer}/attn/c_attn", hidden, HIDDEN, 3 * HIDDEN)
        slices = add("Slice", f"h.{layer}/attn", query, "starts", "ends", "axes")
        hidden = linear(f"h.{layer}/attn/c_proj", slices, HIDDEN, HIDDEN)
        inner = add("Gelu", f"h.{layer}/mlp/act", linear(f"h.{layer}/mlp/c_fc", hidden, HIDDEN, INNER))
        hidden = linear(f"h.{layer}/mlp/c_proj", inner, INNER, HIDDEN)
    before = onnx.GraphProto(node=nodes, name="gpt2")
    for name, value in (("starts", 0), ("ends", HIDDEN), ("axes", 2)):
        before.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    after = onnx.GraphProto(
        input=[helper.make_tensor_value_info("x", TensorProto.INT64, [1, 16])],
        output=[helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [1, 16, HIDDEN])],
    )
    start, end = before.SerializeToString(), after.SerializeToString()
    heads = [_tensor_head(name, shape) for name, shape in weights.items()]
    length = len(start) + sum(map(len, heads)) + 4 * sum(map(math.prod, weights.values())) + len(end)
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(onnx.ModelProto(ir_version=10, producer_name="benchmarks.speed").SerializeToString())
        file.write(_field_head(7, length) + start)
        for head, shape in zip(heads, weights.values(), strict=True):
            file.write(head)
            file.write(random.standard_normal(shape, np.float32).tobytes())
        file.write(end + onnx.ModelProto(opset_import=[helper.make_opsetid("", 20)]).SerializeToString())


def _tensor_head(name: str, shape: list[int]) -> bytes:
    """Return what comes before the data of an initializer of float32, as a field of a graph."""
    size = 4 * math.prod(shape)
    head = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT).SerializeToString() + _field_head(9, size)
    return _field_head(5, len(head) + size) + head


def _field_head(number: int, length: int) -> bytes:
    """Return the tag and the length of a field with a content of `length` bytes (wire type 2)."""
    encoded = bytearray([number << 3 | 2])
    while length >> 7:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*encoded, length])


def external(path: Path) -> None:
    """Write a model with 4 GiB of external data in a sparse file, which takes no disk space."""
    graph = onnx.GraphProto(name="external")
    size = EXTERNAL_BYTES // 16
    previous = "x"
    for index in range(16):
        weight = graph.initializer.add(name=f"layers.{index}.weight", data_type=TensorProto.FLOAT, dims=[size // 4])
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "weights.bin"), ("offset", str(index * size)), ("length", str(size))):
            weight.external_data.add(key=key, value=value)
        node = helper.make_node("Add", [previous, weight.name], [f"y{index}"], name=f"/layers.{index}/Add")
        graph.node.append(node)
        previous = f"y{index}"
    with (path.parent / "weights.bin").open("wb") as data:
        data.truncate(EXTERNAL_BYTES)
    _save(graph, ("x", TensorProto.FLOAT, [size // 4]), (previous, TensorProto.FLOAT, [size // 4]), path)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "chain-10k": lambda path: chain(10_000, path),
    "chain-100k": lambda path: chain(100_000, path),
    "chain-1m": lambda path: chain(1_000_000, path),
    "modules-100k": lambda path: chain(100_000, path, _IN_SMALL_MODULES),
    "bert-base": bert_base,
    "external": external,
    "gpt2-12": lambda path: gpt2(12, path),
    "gpt2-61": lambda path: gpt2(61, path),
    "gpt2-100": lambda path: gpt2(100, path),
}


def _save(graph: onnx.GraphProto, given: _Value, result: _Value, path: Path) -> None:
    graph.input.append(helper.make_tensor_value_info(*given))
    graph.output.append(helper.make_tensor_value_info(*result))
    model = onnx.ModelProto(ir_version=10, producer_name="benchmarks.speed", graph=graph)
    model.opset_import.add(domain="", version=20)
    path.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    BUILDERS[sys.argv[1]](Path(sys.argv[2]))

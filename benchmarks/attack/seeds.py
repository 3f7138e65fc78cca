"""The models that mutants are made from: small fixtures, models written as ONNX text, and files of a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import onnx
import onnx.parser

import hpass
from hpass.errors import HpassError
from hpass.graph.files.model_file import parse

FIXTURES = Path(__file__).parents[2] / "fixtures"
EXTERNAL_DATA = FIXTURES / "external_data.bin"
FIXTURE_LIMIT = 80_000  # bytes
CORPUS_LIMIT = 40_000  # bytes

_HEADER = '<ir_version: 10, opset_import: ["": 18, "local": 1], metadata_props: ["module_table": "{table}"]>'
_TABLE = r"{\"\": \"Net\", \"body\": \"Body\", \"body.fc\": \"Linear\", \"body.act\": \"ReLU\", \"head\": \"Linear\"}"
_SCOPES = r"['', 'body', 'body.fc', 'linear']"
_CLASSES = r"['Net', 'Body', 'torch.nn.modules.linear.Linear', 'aten.linear.default']"

_TEXTS = (
    """main (float[4, 4] x) => (float[4, 4] y) <float[4, 4] "body.fc.weight", float[4, 4] "head.weight"> {
        ["/body/fc/MatMul"] a = MatMul(x, "body.fc.weight") ["/body/act/Relu"] b = Relu(a)
        ["/Shape"] s = Shape(b) ["/Reshape"] c = Reshape(b, s) ["/head/MatMul"] y = MatMul(c, "head.weight") }""",
    """main (float[4, 4] x, bool flag) => (float[4, 4] y) {
        ["/body/fc/Neg"] a = Neg(x)
        ["/body/If"] b = If(flag) <then_branch = then_graph () => (float[4, 4] t) { ["/body/act/Relu"] t = Relu(a) },
                                   else_branch = else_graph () => (float[4, 4] e) { e = Identity(a) }>
        y = Abs(b) }""",
    """main (float[4, 4] x) => (float[4, 4] y) {
        ["/body/fc/Block"] a = local.Block(x) ["/head/Block"] b = local.Block(a) y = local.Outer(b) }
       <domain: "local", opset_import: ["": 18]> Block (u) => (w) { ["/act/Relu"] v = Relu(u) w = Neg(v) }
       <domain: "local", opset_import: ["": 18, "local": 1]> Outer (u) => (w) { w = local.Block(u) }""",
    """main (float[4, 4] x) => (float[4, 4] y) {
        a = Neg(x) b = Relu(a) c = Add(a, b) d = Sqrt(c) e = Mul(d, c) y = Identity(e) }""",
    """main (float[4, 4] x) => (float[4, 4] y) <float[4, 4] "model.body.fc.weight"> {
        ["/model/body/fc/MatMul"] a = MatMul(x, "model.body.fc.weight") ["/model/body/fc/Add"] b = Add(a, a)
        ["/model/body/act/Relu"] c = Relu(b) ["/model/head/Neg"] y = Neg(c) }""",
)


def seeds(corpus: Path | None) -> list[bytes]:
    """Return the serialised seeds, in the same order for the same corpus."""
    return [*_fixtures(), *_text_models(), *([] if corpus is None else _corpus(corpus))]


@lru_cache(maxsize=512)
def tagged(seed: bytes) -> bytes:
    """Return the seed as hpass tags it; the seed itself if hpass refuses it."""
    try:
        return hpass.run(parse(seed, "a seed"), settings="validation.checker=false").apply().SerializeToString()
    except HpassError:
        return seed


def _fixtures() -> Iterator[bytes]:
    for path in sorted(FIXTURES.glob("*.onnx")):
        if path.stat().st_size < FIXTURE_LIMIT:
            yield path.read_bytes()


def _text_models() -> Iterator[bytes]:
    for text in _TEXTS:
        model = onnx.parser.parse_model(f"{_HEADER.replace('{table}', _TABLE)} {text}")
        yield model.SerializeToString()
        scoped = model.graph.node[0].metadata_props
        scoped.add(key="pkg.torch.onnx.name_scopes", value=_SCOPES)
        scoped.add(key="pkg.torch.onnx.class_hierarchy", value=_CLASSES)
        yield model.SerializeToString()


def _corpus(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.onnx")):
        if path.is_file() and path.stat().st_size < CORPUS_LIMIT:
            yield path.read_bytes()

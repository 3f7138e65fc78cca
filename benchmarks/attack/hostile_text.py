"""Texts that are hard on whoever reads them as names, scopes, metadata or module tables."""

from __future__ import annotations

import json
from random import Random
from typing import Any

ATOMS = (
    "",
    "a",
    "b",
    "layer",
    "0",
    "10",
    "1" * 40,
    "\u0661",
    "\u00b2",
    "MatMul",
    "Relu_1",
    " ",
    "\n",
    "\0",
    "\x1b[2J",
    "\u202e",
    "\u540d\u524d",
    "a" * 300,
    "9" * 5000,
    "%2F",
    "'",
    '"',
    "\\",
    "[",
    ":",
    "*",
    "wrapped_",
    "body",
    "fc",
    "head",
)
KEYS = (
    "hpass.scope",
    "hpass.serves",
    "hpass.call",
    "hpass.tag",
    "hpass.source",
    "hpass.confidence",
    "hpass.version",
    "hpass.modules",
    "hpass.",
    "hpass.unknown",
    "module_table",
    "namespace",
    "pkg.torch.onnx.name_scopes",
    "pkg.torch.onnx.class_hierarchy",
    "pkg.torch.onnx.stack_trace",
    "pkg.torch.onnx.fx_node",
    "pkg.torch.export.graph_signature",
    "",
    "\0",
)
WORDS = ("metadata", "name", "parameter", "reference", "inherited", "fallback", "high", "medium", "low", "1", "2", "")
# No UTF-8: a lone byte, a cut sequence, an overlong NUL, half a surrogate pair.
RAW = (b"\xff", b"m.\xe9.weight", b"\xc0\x80", b"\xed\xa0\x80", b"/a/\xfe/MatMul", b"hpass.\xff")
_DEPTH = 130  # above the limit of hpass for the depth of a module
_SEPARATORS = ("/", ".", "::", "__", " ")


def name(random: Random) -> str:
    """Return the name of a node, value, operator or module."""
    atoms = random.choices(ATOMS, k=random.choice((1, 1, 2, 3, 4, 6)))
    if random.random() < 0.02:
        atoms *= random.randint(2, _DEPTH)
    separator = random.choice(_SEPARATORS)
    return random.choice(("", "", separator)) + separator.join(atoms)


def value(random: Random) -> str:
    """Return the value of a metadata entry: of a tag, of an exporter's metadata, a module table, or any name."""
    kinds = (name, _word, _literal, table, _label)
    return random.choice(kinds)(random)


def table(random: Random) -> str:
    """Return the JSON of a module table, well-formed or not."""
    entries: dict[str, Any] = {"": "Net"} if random.random() < 0.8 else {}
    for _ in range(random.randint(0, 6)):
        scope = ".".join(random.choices(ATOMS, k=random.randint(1, 4)))
        entries[scope] = _entry(random)
    data = random.choice((entries, {"modules": entries}, {"version": 1, "modules": entries}, [entries], None, 1e400))
    # Half a surrogate pair can only be written as an escape.
    text = json.dumps(data, ensure_ascii=random.random() < 0.5).encode(errors="replace").decode()
    return _cut(random, text) if random.random() < 0.1 else text


def raw(random: Random) -> bytes:
    """Return the bytes of a string field, which may be no UTF-8."""
    return random.choice(RAW) if random.random() < 0.5 else name(random).encode()


def _entry(random: Random) -> object:
    classes = ("Linear", "torch.nn.modules.linear.Linear", "", "\ud800", random.choice(ATOMS))
    full = {"class": random.choice(classes), "called": random.random() < 0.7, "aliases": random.sample(ATOMS, k=2)}
    return random.choice((random.choice(classes), full, {"class": random.choice(classes)}, None, 3, []))


def _word(random: Random) -> str:
    return random.choice(WORDS)


def _literal(random: Random) -> str:
    text = repr(random.choices((*ATOMS, None, 1, ("a",)), k=random.randint(0, 5)))
    return _cut(random, text) if random.random() < 0.2 else text


def _label(random: Random) -> str:
    return "/".join(f"{random.choice(ATOMS)}: {random.choice(ATOMS)}" for _ in range(random.randint(1, 4)))


def _cut(random: Random, text: str) -> str:
    return text[: random.randint(0, len(text))]

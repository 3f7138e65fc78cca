"""No rule names an architecture, a model family or a layer: passes, evidence and inference know none."""

from __future__ import annotations

import io
import json
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("passes", "evidence", "inference") for path in (ROOT / folder).glob("*.py"))

# Model families that transformers lists (its model types come on top where it is installed), and a few others.
FAMILIES = {
    "albert", "bart", "beit", "bert", "blip", "bloom", "clip", "convnext", "deberta", "deit", "densenet", "detr",
    "distilbert", "efficientnet", "electra", "falcon", "flan", "gemma", "gpt2", "gptj", "inception", "llama", "mamba",
    "mistral", "mixtral", "mobilenet", "mpnet", "opt", "phi", "pegasus", "qwen", "resnet", "roberta", "sam",
    "segformer", "shufflenet", "squeezenet", "swin", "t5", "unet", "vgg", "vit", "wav2vec2", "whisper", "xlnet", "yolo",
}  # fmt: skip
# Names that modules of many models have.
LAYERS = {
    "attention", "attn", "backbone", "bottleneck", "classifier", "conv1", "conv2", "decoder", "downsample", "embed",
    "embedding", "embeddings", "encoder", "fc1", "fc2", "ffn", "key", "layernorm", "lm_head", "ln", "mlp", "pooler",
    "proj", "q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "patch", "qkv", "query", "rotary", "self_attn", "stem",
    "token_type", "transformer", "wpe", "wte",
}  # fmt: skip
# Words that mean something else here: the `key` of a mapping or of a sort, numpy's `clip`.
WORDS = {"key", "clip"}


@cache
def model_types() -> set[str]:
    """Return the model types of the installed transformers."""
    mapping = pytest.importorskip("transformers.models.auto.configuration_auto").CONFIG_MAPPING_NAMES
    return {name.lower() for name in mapping}


def code_words(source: str) -> set[str]:
    """Return the words in names and strings of a program, comments and docstrings left out, in lower case.

    A name counts whole and by its parts between underscores.
    """
    words: set[str] = set()
    at_start = True  # of a statement
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING and at_start:
            continue  # a docstring: an expression of its own
        if token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        for word in re.findall(r"[A-Za-z][\w-]*", token.string):
            parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()
            words |= {word.lower(), *parts.split("_")}
        at_start = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    return words


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_rule_names_a_model_family_or_a_layer(path: Path) -> None:
    assert code_words(path.read_text(encoding="utf-8")) & (FAMILIES | LAYERS) <= WORDS


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_rule_names_a_model_type_of_transformers(path: Path) -> None:
    assert code_words(path.read_text(encoding="utf-8")) & model_types() <= WORDS


@pytest.fixture(scope="module")
def weights() -> dict[str, Any]:
    return json.loads((ROOT / "inference" / "weights.json").read_text(encoding="utf-8"))


def test_the_weights_name_no_model(weights: dict[str, Any]) -> None:
    of_operators = {"classes", "common_operators"}
    text = json.dumps({key: value for key, value in weights.items() if key not in of_operators}).lower()

    assert set(re.findall(r"[a-z]\w*", text)) & (FAMILIES | LAYERS) == set()


def test_the_classes_that_were_counted_are_public_ones_of_torch_itself(weights: dict[str, Any]) -> None:
    nn = pytest.importorskip("torch").nn

    assert [name for name in weights["classes"]["modules"] if name and not hasattr(nn, name)] == []
    operators = {operator for counts in weights["classes"]["nodes"].values() for operator in counts}
    assert operators.union(weights["common_operators"]) <= {schema.name for schema in onnx.defs.get_all_schemas()}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('if scope == "encoder.layer": pass', {"encoder", "layer"}),
        ("is_bert = True", {"bert"}),
        ("class BertRule: pass", {"bert"}),
        ('"""A docstring of bert."""\nx = 1', set()),
        ("# bert\nx = 1", set()),
        ('def f():\n    """Do as bert does."""\n    return 1', set()),
    ],
)
def test_the_words_of_a_program(source: str, found: set[str]) -> None:
    assert code_words(source) & {"bert", "encoder", "layer"} == found

from __future__ import annotations

import pytest

from hpass.graph.alignment import aligned
from hpass.graph.modules import Module, ModuleTable

BERT = ModuleTable(
    {
        "": Module("m.BertForMaskedLM"),
        "bert": Module("m.BertModel"),
        "bert.embeddings": Module("m.Embeddings"),
        "bert.embeddings.words": Module(
            "torch.nn.Embedding", aliases=("cls.decoder",), extra={"parameters": ["weight"]}
        ),
        "bert.encoder.layer.0": Module("m.Layer"),
        "bert.encoder.layer.0.query": Module("torch.nn.Linear", extra={"parameters": ["weight", "bias"]}),
        "bert.encoder.layer.1": Module("m.Layer"),
        "bert.encoder.layer.1.query": Module("torch.nn.Linear", extra={"parameters": ["weight", "bias"]}),
        "cls": Module("m.Head"),
    }
)
BARE = ["embeddings.words.weight", "encoder.layer.0.query.weight", "encoder.layer.1.query.bias"]


@pytest.mark.parametrize(
    ("names", "root", "query"),
    [
        ([f"bert.{name}" for name in BARE], "m.BertForMaskedLM", "bert.encoder.layer.0.query"),
        (BARE, "m.BertModel", "encoder.layer.0.query"),
        (["encoder.layer.1", "encoder.layer.0.query"], "m.BertModel", "encoder.layer.0.query"),
        ([f"model.bert.{name}" for name in BARE], None, "model.bert.encoder.layer.0.query"),
        ([f"backbone.{name}" for name in BARE], None, "backbone.encoder.layer.0.query"),
        (["val_1", "onnx::MatMul_12", "other.thing.weight"], "m.BertForMaskedLM", "bert.encoder.layer.0.query"),
        ([], "m.BertForMaskedLM", "bert.encoder.layer.0.query"),
    ],
    ids=["same", "bare model", "module names", "in a wrapper", "bare in a wrapper", "strange names", "no names"],
)
def test_the_file_s_names_decide(names: list[str], root: str | None, query: str) -> None:
    table = aligned(BERT, names)
    assert table[""].class_name == root
    assert table[query].class_name == "torch.nn.Linear"


def test_most_names_win() -> None:
    assert "bert.embeddings" in aligned(BERT, ["encoder.layer.0.query.weight", *(f"bert.{name}" for name in BARE)])


def test_aliases_move_along_and_those_outside_go() -> None:
    assert aligned(BERT, [f"model.bert.{name}" for name in BARE])["model.bert.embeddings.words"].aliases == (
        "model.cls.decoder",
    )
    assert aligned(BERT, BARE)["embeddings.words"].aliases == ()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from hpass.errors import HpassError, UsageError
from hpass.exporter import Options
from hpass.exporter.load import load
from hpass.exporter.model_spec import Factory, Pretrained, parse_model_spec

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parent / "models.py"


def test_the_forms_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert parse_model_spec(f"{MODELS}:net") == Factory(MODELS, "net")
    for text in (str(tmp_path), str(tmp_path / "config.json"), "bert-base-uncased", "google/vit.b_16"):
        assert parse_model_spec(text) == Pretrained(text)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (str(MODELS), UsageError, "name the function that builds the model"),
        ("no/such/file.py:make", HpassError, "no such file"),
        ("./no/such/folder", HpassError, "no such file or folder"),
        ("a/b/c", HpassError, "no such file or folder"),
        (str(MODELS.parent), HpassError, "has no config.json"),
        (__file__, UsageError, "name the function"),
    ],
)
def test_other_texts(text: str, error: type[HpassError], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_model_spec(text)


def test_an_unknown_id_without_a_network() -> None:
    with pytest.raises(HpassError, match="there is no such local folder, and the Hugging Face hub"):
        load("nobody/nothing-of-this-name", Options())


def test_a_config_without_weights_wants_random_ones(
    bert: transformers.BertConfig, config_file: Callable[..., str]
) -> None:
    with pytest.raises(HpassError, match="add --random-weights"):
        load(config_file(bert), Options())


def test_the_class_comes_from_the_option_the_task_or_the_architecture(
    bert: transformers.BertConfig, config_file: Callable[..., str]
) -> None:
    reference = config_file(bert, "BertForMaskedLM")

    def built(**options: str) -> str:
        return type(load(reference, Options(random_weights=True, **options)).model).__name__

    assert built() == "BertForMaskedLM"
    assert built(task="text-classification") == "BertForSequenceClassification"
    assert built(class_name="BertModel") == built(class_name="AutoModel") == "BertModel"
    assert type(load(config_file(bert), Options(random_weights=True)).model).__name__ == "BertModel"
    for options, message in (
        (Options(task="juggling"), "unknown task; use one of any-to-any, "),
        (Options(task="image-classification"), "no class for bert models"),
        (Options(class_name="BertForJuggling"), "transformers has no such class"),
    ):
        with pytest.raises(UsageError, match=message):
            load(reference, Options(options.task, options.class_name, random_weights=True))


def test_code_of_the_model_s_own_runs_only_when_trusted(tmp_path: Path) -> None:
    (tmp_path / "modeling_own.py").write_text(
        "from transformers import BertConfig, BertModel\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own'\n"
        "class OwnModel(BertModel):\n    config_class = OwnConfig\n"
    )
    (tmp_path / "config.json").write_text(
        '{"model_type": "own", "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1,'
        ' "num_attention_heads": 2, "intermediate_size": 36, "architectures": ["OwnModel"],'
        ' "auto_map": {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}}'
    )
    with pytest.raises(HpassError, match="add --trust-remote-code"):
        load(str(tmp_path), Options(random_weights=True))
    loaded = load(str(tmp_path), Options(random_weights=True, trust_remote_code=True))
    assert type(loaded.model).__name__ == "OwnModel"


def test_files_beside_the_config_tell_of_the_inputs(
    bert: transformers.BertConfig, config_file: Callable[..., str]
) -> None:
    reference = config_file(bert)
    folder = Path(reference).parent
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nfox\nsmall\ndog")
    (folder / "preprocessor_config.json").write_text('{"size": {"height": 48, "width": 48}}')
    loaded = load(reference, Options(random_weights=True))
    assert loaded.processor["size"] == {"height": 48, "width": 48}
    # A, small, fox and dog are known of the sentence, between [CLS] and [SEP].
    ids = loaded.tokens["input_ids"][0].tolist()
    assert (ids[0], ids[-1]) == (2, 3)
    assert {5, 6, 7, 8} <= set(ids)


def test_a_file_that_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hello": 1}')
    with pytest.raises(HpassError, match="no known model_type"):
        load(str(tmp_path / "config.json"), Options(random_weights=True))


def test_the_options_of_transformers_are_not_a_factory_s() -> None:
    with pytest.raises(UsageError, match="apply to transformers models only"):
        load(f"{MODELS}:net", Options(task="text-generation"))

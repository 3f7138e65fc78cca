"""What a model's files can make the exporter run, and what they cannot."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from network import refuse_connections
from safetensors.torch import save_file

from hpass.errors import HpassError
from hpass.exporter import Options, module_table
from hpass.exporter.load import load

pytestmark = pytest.mark.torch

ENDINGS = {
    "SystemExit": "raise SystemExit(7)",
    "GeneratorExit": "raise GeneratorExit",
    "BaseException": "class Odd(BaseException): pass\n    raise Odd('text')",
    "BaseExceptionGroup": "raise BaseExceptionGroup('several', [SystemExit(1)])",
}


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("at_import", [False, True])
def test_a_definition_that_ends_the_process_is_an_error(tmp_path: Path, kind: str, *, at_import: bool) -> None:
    file = tmp_path / "ending.py"
    body = f"def make():\n    {ENDINGS[kind]}\n"
    file.write_text(body + ("\nmake()\n" if at_import else ""))

    with pytest.raises(HpassError, match=r"ending\.py:make: raised .*\(line \d\)"):
        load(f"{file}:make", Options())


BROKEN = {
    "an error without a text": "class Odd(Exception):\n    def __str__(self): raise ValueError\ndef make(): raise Odd",
    "an error of several lines": "def make(): raise ValueError('one\\ntwo')",
    "no call of the base class": "class Net(Module):\n    def __init__(self): pass\ndef make(): return Net()",
    "eval() fails": "class Net(Module):\n    def eval(self): raise ValueError('no')\ndef make(): return Net()",
    "a module in itself": "def make():\n    net = Module()\n    net.inner = net\n    return net",
    "a tuple without a length": "class T(tuple):\n    def __len__(self): raise ValueError\ndef make(): return T()",
    "endless recursion": "def make(): return make()",
    "nothing": "def make(): pass",
    "a generator": "def make(): yield Module()",
    "inputs without names": "def make(): return Module(), {1: 2}",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_definition_is_one_line(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(f"from torch.nn import Module\n{BROKEN[kind]}\n")

    with pytest.raises(HpassError) as caught:
        load(f"{file}:make", Options())

    assert "\n" not in str(caught.value)
    assert str(caught.value).strip()


def test_ctrl_c_in_a_definition_is_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "interrupted.py"
    file.write_text("def make():\n    raise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt):
        load(f"{file}:make", Options())


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Return the path of a file that only code of the model itself makes."""
    return tmp_path / "ran"


@pytest.fixture
def folder(bert: transformers.BertConfig, config_file: Callable[..., str]) -> Path:
    """Return a folder with a config of a model."""
    return Path(config_file(bert, "BertModel")).parent


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.touch, (self.marker,))


def test_a_pickle_is_not_loaded(folder: Path, marker: Path) -> None:
    torch.save({"weight": Malicious(marker)}, folder / "pytorch_model.bin")
    with pytest.raises(HpassError):
        load(str(folder), Options())

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Malicious(marker)))
    with pytest.raises(HpassError):
        load(str(folder), Options())

    assert not marker.exists()


@pytest.mark.parametrize("trusted", [False, True])
def test_code_of_a_tokenizer_never_runs(folder: Path, marker: Path, *, trusted: bool) -> None:
    (folder / "tokenization_own.py").write_text(
        f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
        "from transformers import BertTokenizer\nclass OwnTokenizer(BertTokenizer): pass\n"
    )
    mapping = {"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "OwnTokenizer", "auto_map": mapping}))
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na")

    load(str(folder), Options(random_weights=True, trust_remote_code=trusted))

    assert not marker.exists()


@pytest.mark.parametrize("trusted", [False, True])
def test_code_of_a_model_runs_only_if_trusted(folder: Path, marker: Path, *, trusted: bool) -> None:
    _add_configuration_code(folder, marker)

    with nullcontext() if trusted else pytest.raises(HpassError, match="--trust-remote-code"):
        load(str(folder), Options(random_weights=True, trust_remote_code=trusted))

    assert marker.exists() == trusted


def test_the_table_of_a_model_never_runs_its_code(folder: Path, marker: Path) -> None:
    _add_configuration_code(folder, marker)

    with pytest.raises(HpassError, match="--trust-remote-code"):
        module_table(str(folder))

    assert not marker.exists()


@pytest.mark.parametrize("weights", ["pytorch_model.bin", "model.safetensors"])
def test_a_local_model_uses_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch, weights: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    state = load(str(folder), Options(random_weights=True)).model.state_dict()
    (torch.save if weights.endswith(".bin") else save_file)(state, folder / weights)
    attempts = refuse_connections(monkeypatch)

    load(str(folder), Options())

    assert attempts == []


CONFIGS: dict[str, Any] = {
    "no object": [],
    "nothing": None,
    "nested": {"x": "NESTED"},
    "a type of two lines": {"model_type": "a\nb"},
    "a type that is a list": {"model_type": ["bert"]},
    "an architecture that is a number": {"architectures": [3]},
    "negative sizes": {"hidden_size": -1},
    "sizes of zero": {"hidden_size": 0},
    "no heads": {"num_attention_heads": 0},
    "a size of words": {"hidden_size": "32"},
    "a size without end": {"hidden_size": 10**30},
    "an unknown activation": {"hidden_act": "two\nlines"},
    "an unknown type of number": {"dtype": "two\nlines"},
    "a method that is a number": {"to_dict": 3},
    "labels that are a number": {"id2label": 3},
    "code that is a number": {"auto_map": 3},
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_hostile_config_is_one_line(folder: Path, kind: str) -> None:
    file, hostile = folder / "config.json", CONFIGS[kind]
    content = json.loads(file.read_text()) | hostile if isinstance(hostile, dict) else hostile
    file.write_text(json.dumps(content).replace('"NESTED"', "[" * 50_000 + "]" * 50_000))

    with pytest.raises(HpassError) as caught:
        load(str(file), Options(random_weights=True))

    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", ["AutoTokenizer", "pipeline", "__class__", "BertTokenizer"])
def test_an_architecture_that_is_no_model_is_one_line(folder: Path, architecture: str) -> None:
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na")
    save_file({"weight": torch.zeros(1)}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text()) | {"architectures": [architecture]}
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(HpassError, match="transformers cannot build it") as caught:
        load(str(folder), Options())

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, (2**62).to_bytes(8, "little") + b"{}"])
def test_weights_that_are_none_are_one_line(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)

    with pytest.raises(HpassError, match="transformers cannot build it") as caught:
        load(str(folder), Options())

    assert "\n" not in str(caught.value)


FILES_BESIDE = {
    "tokenizer.json": "[" * 50_000,
    "tokenizer_config.json": '{"tokenizer_class": 3}',
    "preprocessor_config.json": "[]",
    "added_tokens.json": "3",
    "generation_config.json": "{",
}


@pytest.mark.parametrize("name", FILES_BESIDE)
@pytest.mark.parametrize("content", [None, "[]", "{"])
def test_a_broken_file_beside_the_config_does_not_matter(folder: Path, name: str, content: str | None) -> None:
    (folder / name).write_text(FILES_BESIDE[name] if content is None else content)

    assert load(str(folder), Options(random_weights=True)).model.state_dict()


def _add_configuration_code(folder: Path, marker: Path) -> None:
    (folder / "configuration_own.py").write_text(
        f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
        "from transformers import BertConfig\nclass OwnConfig(BertConfig): model_type = 'own-config'\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own-config", "auto_map": {"AutoConfig": "configuration_own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(config))

"""Benchmark models that were not chosen by hand: small models of transformers and timm with random weights.

A transformers model is named `wide_` and its model type, a timm model `timm_` and its family. A checksum of the name
decides which of them are used for tuning and which are held out.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, cast

import torch

from ..architectures.base_models import base_models
from ..architectures.tiny import tiny_configs
from .sample import Sample, Shapes, floats, returns_tuples

# Two thirds of the architectures are used. A quarter of these and of timm's families is held out.
_USED_PARTS, _OUT_OF = 2, 3
_HELD_OUT_ONE_IN = 4
_MAX_PARAMETERS = 20_000_000
_IMAGE_SIZE = 64


def names(*, held_out: bool) -> Iterator[str]:
    """Yield the names of the models for tuning, or of the held-out models. Without timm, its families are omitted."""
    chosen = [(name, zlib.crc32(name.encode())) for name in _families()]
    for name in (f"wide_{kind}" for kind in base_models()):
        whole, part = divmod(zlib.crc32(name.encode()), _OUT_OF)
        if part < _USED_PARTS:
            chosen.append((name, whole))
    yield from (name for name, number in chosen if (number % _HELD_OUT_ONE_IN == 1) == held_out)


def is_wide(name: str) -> bool:
    """Whether a name belongs to a model of this file."""
    return name.startswith(("wide_", "timm_"))


def sample(name: str) -> Sample:
    """Return the model with a name. Exceptions of the model's package pass through."""
    kind, _, rest = name.partition("_")
    return _architecture(rest) if kind == "wide" else _family(rest)


def _architecture(kind: str) -> Sample:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    from hpass.exporter.load import LoadedModel
    from hpass.exporter.sample_inputs.input_sources import first_that_runs, sample_inputs

    model_class = getattr(transformers, base_models()[kind])
    failure: Exception = RuntimeError(f"{kind}: no config of the general rule can be made")
    for config in tiny_configs(cast("type", CONFIG_MAPPING[kind])):
        config.use_cache = False
        if returns_tuples():
            config.return_dict = False
        try:
            with torch.device("meta"):
                _check_size(model_class(config))
            model = model_class(config).eval()
            inputs = first_that_runs(model, sample_inputs(LoadedModel(model)))
        except Exception as error:  # noqa: BLE001 (a config that does not suit its model raises any type)
            failure = error
            continue
        return Sample(lambda model=model: model, inputs, _axes(inputs) if zlib.crc32(kind.encode()) % 2 else None)
    raise failure


def _axes(inputs: dict[str, Any]) -> Shapes:
    """Return dynamic axes: the batch, and the length of integer inputs with two or more axes."""
    tensors = {name: value for name, value in inputs.items() if isinstance(value, torch.Tensor) and value.dim()}
    return {
        name: {0: "batch"} if tensor.is_floating_point() or tensor.dim() == 1 else {0: "batch", 1: "length"}
        for name, tensor in tensors.items()
    }


def _families() -> Iterator[str]:
    try:
        import timm
    except ImportError:
        return
    yield from (f"timm_{family}" for family in timm.list_modules())


def _family(family: str) -> Sample:
    """Return the model of a family with the fewest parameters, with the smallest image size with which it runs."""
    import timm

    with torch.device("meta"):
        sizes = {name: _parameter_count(timm.create_model(name)) for name in timm.list_models(module=family)}
    chosen = min(sizes, key=lambda name: (sizes[name], name))
    for options, size in _image_options(timm.get_pretrained_cfg(chosen)):
        try:
            model = timm.create_model(chosen, num_classes=10, **options).eval()
            with torch.no_grad():
                model(floats(1, *size))
        except Exception:  # noqa: BLE001, S112 (many models accept only one image size)
            continue
        _check_size(model)
        name = next(iter(inspect.signature(model.forward).parameters))
        return Sample(lambda model=model: model, {name: floats(1, *size)})
    raise RuntimeError(f"{chosen} does not run with any image size")


def _image_options(default: Any) -> Iterable[tuple[dict[str, Any], tuple[int, ...]]]:
    channels, *size = default.input_size if default else (3, 224, 224)
    small = (channels, _IMAGE_SIZE, _IMAGE_SIZE)
    return [({"img_size": _IMAGE_SIZE}, small), ({}, small), ({}, (channels, *size))]


def _parameter_count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _check_size(model: Any) -> None:
    if _parameter_count(model) > _MAX_PARAMETERS:
        raise RuntimeError(f"{_parameter_count(model) / 1e6:.0f} million parameters")

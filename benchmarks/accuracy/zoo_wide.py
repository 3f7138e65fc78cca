"""Benchmark models that nobody chose: architectures of transformers, families of timm; small, with random weights.

An architecture is called `wide_` and its model type, a family `timm_` and its name. Which of them are used to tune
and which are held out is decided by a checksum of the name.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, cast

import torch

from ..architectures.base_models import base_models
from ..architectures.tiny import tiny_configs
from .sample import Sample, Shapes, floats, wants_tuples

# Two architectures in three are used at all; of these and of timm's families one in four is held out.
_USED, _OUT_OF = 2, 3
_HELD_OUT_ONE_IN = 4
_MOST_PARAMETERS = 20_000_000
_IMAGE_SIZE = 64


def names(*, held_out: bool) -> Iterator[str]:
    """Yield the names of the models to fit on, or of the held-out ones; none of timm's where timm is missing."""
    chosen = [(name, zlib.crc32(name.encode())) for name in _families()]
    for name in (f"wide_{kind}" for kind in base_models()):
        whole, part = divmod(zlib.crc32(name.encode()), _OUT_OF)
        if part < _USED:
            chosen.append((name, whole))
    yield from (name for name, number in chosen if (number % _HELD_OUT_ONE_IN == 1) == held_out)


def is_wide(name: str) -> bool:
    """Whether a name is one of this module's."""
    return name.startswith(("wide_", "timm_"))


def sample(name: str) -> Sample:
    """Return the model of this name. Raises whatever its package raises where it cannot be built."""
    kind, _, rest = name.partition("_")
    return _architecture(rest) if kind == "wide" else _family(rest)


def _architecture(kind: str) -> Sample:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    from hpass.exporter.load import LoadedModel
    from hpass.exporter.sample_inputs.input_sources import first_that_runs, sample_inputs

    made = getattr(transformers, base_models()[kind])
    failure: Exception = RuntimeError(f"{kind}: no config of the general rule can be made")
    for config in tiny_configs(cast("type", CONFIG_MAPPING[kind])):
        config.use_cache = False
        if wants_tuples():
            config.return_dict = False
        try:
            with torch.device("meta"):
                _check_size(made(config))
            model = made(config).eval()
            inputs = first_that_runs(model, sample_inputs(LoadedModel(model)))
        except Exception as error:  # noqa: BLE001 (a config that does not suit its model fails in any way it likes)
            failure = error
            continue
        return Sample(lambda model=model: model, inputs, _axes(inputs) if zlib.crc32(kind.encode()) % 2 else None)
    raise failure


def _axes(inputs: dict[str, Any]) -> Shapes:
    """Return axes for a batch and, of what looks like token ids, for a length."""
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
    """Return the family's model with the fewest parameters, with the smallest of the usual images that it takes."""
    import timm

    with torch.device("meta"):
        sizes = {name: _parameters(timm.create_model(name)) for name in timm.list_models(module=family)}
    chosen = min(sizes, key=lambda name: (sizes[name], name))
    for options, size in _attempts(timm.get_pretrained_cfg(chosen)):
        try:
            model = timm.create_model(chosen, num_classes=10, **options).eval()
            with torch.no_grad():
                model(floats(1, *size))
        except Exception:  # noqa: BLE001, S112 (many models take one size of images only)
            continue
        _check_size(model)
        name = next(iter(inspect.signature(model.forward).parameters))
        return Sample(lambda model=model: model, {name: floats(1, *size)})
    raise RuntimeError(f"{chosen} runs with no image")


def _attempts(default: Any) -> Iterable[tuple[dict[str, Any], tuple[int, ...]]]:
    channels, *size = default.input_size if default else (3, 224, 224)
    small = (channels, _IMAGE_SIZE, _IMAGE_SIZE)
    return [({"img_size": _IMAGE_SIZE}, small), ({}, small), ({}, (channels, *size))]


def _parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _check_size(model: Any) -> None:
    if _parameters(model) > _MOST_PARAMETERS:
        raise RuntimeError(f"{_parameters(model) / 1e6:.0f} million parameters")

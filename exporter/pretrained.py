"""Models that transformers builds: from a folder, a config alone or an id."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from transformers.pipelines import SUPPORTED_TASKS

from ..errors import HpassError, UsageError
from .export_options import Options
from .model_spec import Pretrained


def load_config(reference: Pretrained, options: Options) -> Any:
    """Return the config. Raises HpassError where there is none, it is broken, or it needs code of its own."""
    try:
        return transformers.AutoConfig.from_pretrained(reference.source, trust_remote_code=options.trust_remote_code)
    except Exception as error:
        raise _explained(reference, error) from error


def load(reference: Pretrained, options: Options, config: Any) -> torch.nn.Module:
    """Return the model in evaluation mode, float32, with its weights or random ones.

    Raises HpassError where the weights are missing or do not fit.
    """
    if not options.random_weights and reference.has_weights is False:
        raise HpassError(f"{reference}: no weights beside the config; add --random-weights to export without them")
    if options.random_weights:
        return randomized(from_config(reference, options, config))
    try:
        model = model_class(config, options).from_pretrained(
            reference.source, config=config, dtype=torch.float32, trust_remote_code=options.trust_remote_code
        )
    except Exception as error:
        raise _explained(reference, error) from error
    return model.eval()


def from_config(reference: Pretrained, options: Options, config: Any) -> torch.nn.Module:
    """Return the model as its class initialises it, on the default device: no file but the config is read."""
    made = model_class(config, options)
    try:
        if hasattr(made, "_from_config"):
            return made._from_config(config, dtype=torch.float32).eval()  # noqa: SLF001 (a concrete class has no other)
        return made.from_config(config, dtype=torch.float32, trust_remote_code=options.trust_remote_code).eval()
    except Exception as error:
        raise _explained(reference, error) from error


def randomized(model: torch.nn.Module) -> torch.nn.Module:
    """Give every floating-point parameter values of its own, the same in every run.

    Fresh biases and norms are all equal; exporters merge equal tensors, and what reads them with them.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(torch.empty_like(parameter).uniform_(-0.02, 0.02, generator=generator))
    return model


def model_class(config: Any, options: Options) -> Any:
    """Return the class that builds the model: an auto class or a concrete one.

    Raises UsageError for an unknown task or class.
    """
    if options.class_name is not None:
        found = getattr(transformers, options.class_name, None)
        if found is None:
            raise UsageError(f"--class {options.class_name}: transformers has no such class")
        return found
    if options.task is not None:
        return _class_of_task(config, options.task)
    for name in cast("list[str]", getattr(config, "architectures", None) or []):
        # A class of the model's own code is not in transformers; the auto class finds it by the config.
        found = getattr(transformers, name, None)
        if found is not None:
            return found
    return transformers.AutoModel


def _class_of_task(config: Any, task: str) -> Any:
    if task not in SUPPORTED_TASKS:
        raise UsageError(f"--task {task}: unknown; one of {', '.join(sorted(SUPPORTED_TASKS))}")
    candidates = cast("tuple[Any, ...]", SUPPORTED_TASKS[task]["pt"])
    fitting = [made for made in candidates if type(config) in made._model_mapping]  # noqa: SLF001 (the public way is to try and fail)
    if not fitting:
        raise UsageError(f"--task {task}: transformers has no class for a {config.model_type} model of this task")
    return fitting[0]


def processor_settings(reference: Pretrained) -> dict[str, Any]:
    """Return the settings of the model's image processor or feature extractor, empty where it has none."""
    from transformers.feature_extraction_utils import FeatureExtractionMixin
    from transformers.image_processing_base import ImageProcessingMixin

    source = reference.source if reference.folder is None else str(reference.folder)
    settings: dict[str, Any] = {}
    for read in (
        FeatureExtractionMixin.get_feature_extractor_dict,
        ImageProcessingMixin.get_image_processor_dict,
    ):
        with contextlib.suppress(OSError):
            settings |= read(source)[0]
    return settings


def tokenized(reference: Pretrained, text: str) -> dict[str, torch.Tensor]:
    """Return a text as the model's own tokenizer writes it, empty where it has none that can be read."""
    folder = reference.folder
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model")
    if folder is not None and not any((folder / name).is_file() for name in names):
        return {}
    # A tokenizer may need packages or files that are missing; made-up ids do as well.
    with contextlib.suppress(Exception):
        tokenizer = transformers.AutoTokenizer.from_pretrained(reference.source if folder is None else str(folder))
        return dict(tokenizer(text, return_tensors="pt"))
    return {}


def _explained(reference: Pretrained, error: Exception) -> HpassError:
    """Return transformers' error in one line, with the next step where it is known."""
    if isinstance(error, HpassError):
        return error
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return HpassError(f"{reference}: the model brings code of its own; read it, then add --trust-remote-code")
    if reference.folder is None and isinstance(error, OSError):
        return HpassError(
            f"{reference}: no local folder of that name, and the Hugging Face hub has no such model "
            "or cannot be reached; check the id and the network, or give a folder"
        )
    if Path(reference.source).is_file() and "model_type" in text:
        return HpassError(f"{reference}: not a model's config (no known model_type in it)")
    return HpassError(f"{reference}: transformers cannot build it: {type(error).__name__}: {text[:300]}")

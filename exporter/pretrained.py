"""Build models with transformers: from a folder, a config file or an id."""

# The libraries' own types are incomplete.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

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


def load_config(source: Pretrained, options: Options) -> Any:
    """Read the config. Raises HpassError if it is missing or invalid, or if it needs remote code."""
    try:
        return transformers.AutoConfig.from_pretrained(source.source, trust_remote_code=options.trust_remote_code)
    except Exception as error:
        raise _one_line_error(source, error) from error


def load(source: Pretrained, options: Options, config: Any) -> torch.nn.Module:
    """Build the model in float32 and evaluation mode, with its weights or random ones.

    Raises HpassError if the weights are missing or do not fit.
    """
    if not options.random_weights and source.has_weights is False:
        raise HpassError(
            f"{source}: there are no weights beside the config; add --random-weights to export without them"
        )
    if options.random_weights:
        return randomize_parameters(from_config(source, options, config))
    try:
        model = model_class(config, options).from_pretrained(
            source.source, config=config, dtype=torch.float32, trust_remote_code=options.trust_remote_code
        )
        return model.eval()
    except Exception as error:
        raise _one_line_error(source, error) from error


def from_config(source: Pretrained, options: Options, config: Any) -> torch.nn.Module:
    """Build the model as its class initialises it, on the default device. No other file is read."""
    try:
        loaded_class = model_class(config, options)
        if hasattr(loaded_class, "_from_config"):
            return loaded_class._from_config(config, dtype=torch.float32).eval()  # noqa: SLF001 (a concrete class has no public function)
        return loaded_class.from_config(config, dtype=torch.float32, trust_remote_code=options.trust_remote_code).eval()
    except Exception as error:
        raise _one_line_error(source, error) from error


def randomize_parameters(model: torch.nn.Module) -> torch.nn.Module:
    """Make the values of all floating-point parameters distinct, the same in every run.

    Freshly initialised biases and norms are equal, and exporters merge equal tensors and the nodes that read them. The
    added values are uniform in [-0.02, 0.02]; 0.02 is the default `initializer_range` of transformers.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(torch.empty_like(parameter).uniform_(-0.02, 0.02, generator=generator))
    return model


def model_class(config: Any, options: Options) -> Any:
    """Return the class that builds the model, an auto class or a concrete class.

    Raises UsageError if the task or the class is unknown.
    """
    if options.class_name is not None:
        found = getattr(transformers, options.class_name, None)
        if found is None:
            raise UsageError(f"--class {options.class_name}: transformers has no such class; check the name")
        return found
    if options.task is not None:
        return _class_of_task(config, options.task)
    for name in cast("list[str]", getattr(config, "architectures", None) or []):
        # A class in remote code is not an attribute of transformers; AutoModel finds it through the config.
        found = getattr(transformers, name, None)
        if found is not None:
            return found
    return transformers.AutoModel


def _class_of_task(config: Any, task: str) -> Any:
    if task not in SUPPORTED_TASKS:
        raise UsageError(f"--task {task}: unknown task; use one of {', '.join(sorted(SUPPORTED_TASKS))}")
    candidates = cast("tuple[Any, ...]", SUPPORTED_TASKS[task]["pt"])
    fitting = [made for made in candidates if type(config) in made._model_mapping]  # noqa: SLF001 (the public API can only try and fail)
    if not fitting:
        raise UsageError(
            f"--task {task}: transformers has no class for {config.model_type} models; use another task or --class"
        )
    return fitting[0]


def processor_settings(pretrained: Pretrained) -> dict[str, Any]:
    """Return the settings of the model's image processor or feature extractor; empty if it has none."""
    from transformers.feature_extraction_utils import FeatureExtractionMixin
    from transformers.image_processing_base import ImageProcessingMixin

    source = pretrained.source if pretrained.folder is None else str(pretrained.folder)
    settings: dict[str, Any] = {}
    for read in (
        FeatureExtractionMixin.get_feature_extractor_dict,
        ImageProcessingMixin.get_image_processor_dict,
    ):
        with contextlib.suppress(OSError):
            settings |= read(source)[0]
    return settings


def tokenize(pretrained: Pretrained, text: str) -> dict[str, torch.Tensor]:
    """Return a text as encoded by the model's tokenizer; empty if it has none or the tokenizer cannot be loaded."""
    folder = pretrained.folder
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model")
    if folder is not None and not any((folder / name).is_file() for name in names):
        return {}
    # A tokenizer may need missing packages or files. Generated token ids are sufficient then.
    with contextlib.suppress(Exception):
        source = pretrained.source if folder is None else str(folder)
        # Without the argument, transformers may ask on the terminal whether to run code of the tokenizer.
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        return dict(tokenizer(text, return_tensors="pt"))
    return {}


def _one_line_error(source: Pretrained, error: Exception) -> HpassError:
    """Return an error of transformers in one line, with a fix if there is a known one."""
    if isinstance(error, HpassError):
        return error
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return HpassError(
            f"{source}: the model needs code that comes with it; read the code, then add --trust-remote-code"
        )
    if source.folder is None and isinstance(error, OSError):
        return HpassError(
            f"{source}: there is no such local folder, and the Hugging Face hub has no such model "
            "or cannot be reached; check the id and the network, or name a folder"
        )
    if Path(source.source).is_file() and "model_type" in text:
        return HpassError(f"{source}: not the config of a model (it has no known model_type)")
    return HpassError(f"{source}: transformers cannot build it: {type(error).__name__}: {text[:300]}")

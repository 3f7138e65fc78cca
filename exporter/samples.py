"""Sample inputs of transformers models, made by modality: what each input of `forward` looks like.

A rule is known by the input's name, which across transformers says the modality (`input_ids`, `pixel_values`,
`input_features`, ...); shapes and value ranges come from the config and the processor, never from the model's
name.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch

from .documented import documented
from .signature import parameters, required
from .sizes import AUDIO, VIDEO, VISION, Sizes

LENGTH = 16
DECODER_LENGTH = 4
SECONDS_OF_AUDIO = 1
SAMPLING_RATE = 16_000
FRAMES = 8
SPECTRUM_FRAMES = 128
# What cuts a sound into windows of equal length finds a multiple of 80 ms at 24 kHz, and of a second of frames.
WINDOWED_SAMPLES = 15_360
WINDOWED_FRAMES = 400
# Patches along each side of a packed image, at least: what merges or pools patches finds a multiple of 2, 3 and 4.
GRID = 12
# Patches along a side that some models merge into one or see as one window.
PATCHES_TOGETHER = 4

Alternatives = list[torch.Tensor]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the inputs of one model. The same config gives the same values."""

    model: torch.nn.Module
    sizes: Sizes
    given: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    text: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def floats(self, *shape: int) -> torch.Tensor:
        """Return normally distributed float32 values."""
        return torch.randn(shape, generator=self.generator)

    def ints(self, high: int, *shape: int) -> torch.Tensor:
        """Return int64 values in [0, high)."""
        return torch.randint(0, max(high, 1), shape, generator=self.generator)

    def tokens(self, length: int, vocabulary: int) -> torch.Tensor:
        """Return (1, length) ordinary token ids: no special one but the end token, which is last."""
        special = self.sizes.special_tokens()
        ordinary = torch.tensor([token for token in range(min(vocabulary, 4096)) if token not in special] or [0])
        ids = ordinary[self.ints(len(ordinary), 1, length)]
        end = getattr(self.sizes.text(), "eos_token_id", None)
        if isinstance(end, int) and 0 <= end < vocabulary:
            ids[:, -1] = end
        return ids

    def knows(self, name: str) -> bool:
        """Whether a rule, another input or the documentation of the model tells what the input looks like."""
        return _rule(name) is not None or name in _joints(self.model) or _stated(self, name) is not None

    def alternatives(self, name: str) -> Alternatives | None:
        """Return what the input could look like, the likeliest first; None where no rule knows it."""
        rule = _rule(name)
        if rule is None and name in _joints(self.model):
            # A stand-in: it follows from another input once that is chosen.
            return [torch.ones(1, 1, dtype=torch.int64)]
        stated = _as_documented(self, name)
        if rule is None:
            return stated
        known = rule(self)
        shapes = [value.shape for value in known]
        return known + [value for value in stated or [] if value.is_floating_point() and value.shape not in shapes]


def attempts(maker: Maker) -> Iterator[dict[str, torch.Tensor]]:
    """Yield complete sets of inputs to try, the likeliest first.

    First text with one other modality, as far as the model has them; then everything at once, then the first with
    one input in another layout, each of these with what is seldom needed too; the same with what only the
    documentation of the model tells; two inputs in another layout; and at last the main input and what has no default,
    with and without what goes with a text.
    """
    seldom = _seldom_needed(maker.model)
    wanted = _wanted(maker.model, seldom)
    unusual = [name for name in _unusual(maker.model) if name not in wanted]
    choices = {name: made for name in [*wanted, *unusual] if (made := maker.alternatives(name))}
    everything = {name: made[0] for name, made in choices.items()}
    extra = seldom.union(unusual)
    later = _given_later(maker.model)
    first = {name: value for name, value in everything.items() if name not in later | extra}
    most = {name: value for name, value in everything.items() if name not in extra}
    layouts = [{name: other} for name, made in choices.items() if name in first for other in made[1:]]
    sets = [first, most, *(first | layout for layout in layouts)]
    rare = {name: value for name, value in everything.items() if name in seldom}
    sets += [base | rare for base in sets] if rare else []
    sets += [first | rare | {name: other} for name in rare for other in choices[name][1:]]
    told = {name: value for name, value in everything.items() if name in unusual}
    for base in (first, first | rare):
        sets += [base | told, *(base | told | {name: other} for name in told for other in choices[name][1:])]
    sets += [first | one | other for one, other in itertools.combinations(layouts, 2) if one.keys() != other.keys()]
    least = _least(maker.model)
    beside = {name for name, (source, _) in _BESIDE_TEXT.items() if source in least}
    for names in (least | beside, least):
        kept = {name: value for name, value in first.items() if name in names}
        sets += [kept] if kept else []
    device = next((parameter.device for parameter in maker.model.parameters()), torch.device("cpu"))
    # Sets of the same tensors are one attempt.
    different = {tuple((name, id(value)) for name, value in sorted(made.items())): made for made in sets}
    for made in different.values():
        yield _joined(maker, {name: value.to(device) for name, value in {**made, **maker.given}.items()})


def unknown(maker: Maker) -> list[str]:
    """Return the inputs without a default that no rule knows."""
    return [name for name in required(maker.model) if not (name in maker.given or maker.knows(name))]


def left_out(model: torch.nn.Module, inputs: Mapping[str, object]) -> list[str]:
    """Return the images and sounds that the model takes too and the inputs hold none of.

    Images stand for videos: models look at both through the same modules.
    """
    present, modalities = parameters(model), _modalities(model)
    media = [(_MARKS["image"] + _MARKS["video"], {"image", "video"}), (_MARKS["audio"], {"audio"})]
    missing = [names for names, kinds in media if modalities & kinds and not any(name in inputs for name in names)]
    return [next(name for name in names if name in present) for names in missing if any(n in present for n in names)]


def joins_modalities(inputs: Mapping[str, object]) -> bool:
    """Whether a text has places for images or sounds, which only the model itself can say are right."""
    return "input_ids" in inputs and any(name in inputs for names in _MARKS.values() for name in names)


def _main_inputs(model: torch.nn.Module) -> list[str]:
    main = getattr(model, "main_input_name", "input_ids")
    return [main] if isinstance(main, str) else list(cast("list[str]", main))


def _least(model: torch.nn.Module) -> set[str]:
    """Return the main inputs, those without a default, and what belongs to them."""
    least = {*_main_inputs(model), *required(model)}
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        least.add("decoder_input_ids")
    return least


def _wanted(model: torch.nn.Module, seldom: set[str]) -> list[str]:
    """Return the inputs to give, in the order of `forward`."""
    names = _least(model).union(seldom, *(_MODALITIES.get(modality, ()) for modality in _modalities(model)))
    present = parameters(model)
    if "input_ids" in names and "input_ids" in present:
        names.add("attention_mask")
    return [name for name in present if name in names]


def _seldom_needed(model: torch.nn.Module) -> set[str]:
    """Return the inputs that are given only where the model does not run without.

    A model may take an image or a sound though it does not say so.
    """
    undeclared = set[str]().union(*_MODALITIES.values()) if _modalities(model) <= {"text"} else set[str]()
    return ((_SELDOM_NEEDED | undeclared) & set(parameters(model))) - _least(model) - set(_MODALITIES["text"])


def _unusual(model: torch.nn.Module) -> list[str]:
    """Return the inputs that no modality asks for: another text or image, and what only the documentation tells.

    Labels are for training alone, and a model counts positions by itself.
    """
    stated = documented(model)
    return [
        name
        for name in parameters(model)
        if name not in _RULES
        and not name.endswith(("labels", "position_ids"))
        and (_is_another(name) if _rule(name) else name in stated)
    ]


def _given_later(model: torch.nn.Module) -> set[str]:
    """Return the inputs of further modalities: given only where the model does not run with one."""
    others = [modality for modality in _MODALITIES if modality != "text" and modality in _modalities(model)]
    later = set[str]().union(*(_MODALITIES[modality] for modality in others[1:]))
    return later - _least(model) - set(_MODALITIES[others[0]] if others else ())


def _modalities(model: torch.nn.Module) -> set[str]:
    found = getattr(model, "input_modalities", "text")
    return {found} if isinstance(found, str) else set(cast("list[str]", found))


def _joined(maker: Maker, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Fit the inputs to one another: room for images and sounds in the text, masks as large as what they mask."""
    joined = dict(inputs)
    joints = _joints(maker.model)
    _fit({name: joint for name, joint in joints.items() if name not in _BESIDE_TEXT}, maker, joined)
    if "input_ids" in joined:
        if "input_ids" not in maker.given:
            for modality, marks in _MARKS.items():
                if any(name in joined for name in marks):
                    joined["input_ids"] = _with_room(maker, modality, joined)
        _fit(_BESIDE_TEXT, maker, joined)
    return joined


Joint = Callable[[Maker, Mapping[str, torch.Tensor]], torch.Tensor]


def _fit(joints: Mapping[str, tuple[str, Joint]], maker: Maker, inputs: dict[str, torch.Tensor]) -> None:
    """Make anew the inputs that follow from another one, or leave them out with it; those that were given stay."""
    for name in joints.keys() & inputs.keys() - maker.given.keys():
        source, joint = joints[name]
        if source in inputs:
            inputs[name] = joint(maker, inputs)
        else:
            del inputs[name]


def _joints(model: torch.nn.Module) -> dict[str, tuple[str, Joint]]:
    """Return what follows from another input, first that input: known ones, masks and paddings by name."""
    present = parameters(model)
    named: dict[str, tuple[str, Joint]] = {}
    for name in present:
        for ending, of, value in _NAMED_AFTER:
            source = name.removesuffix(ending) + of
            if name.endswith(ending) and source in present:
                kind = torch.bool if "Bool" in str(present[name].annotation) else torch.int64
                named.setdefault(name, (source, _same_length(source, value, kind)))
    return {**named, **_MASKS, **_BESIDE_TEXT}


def _same_length(source: str, value: int, kind: torch.dtype) -> Joint:
    def joint(_maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.full(inputs[source].shape[:2], value, dtype=kind, device=inputs[source].device)

    return joint


# A mask or padding named after what it masks: its ending, that of the other, and the value that hides nothing.
_NAMED_AFTER = (("_attention_mask", "_input_ids", 1), ("_mask", "", 1), ("_padding", "", 0))


def _mask_of_text(_maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return torch.ones(inputs["input_ids"].shape[:2], dtype=torch.int64, device=inputs["input_ids"].device)


def _boxes_of_text(_maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return inputs["bbox"][:, :1].expand(-1, inputs["input_ids"].shape[1], -1).contiguous()


def _mask_of_series(_maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return torch.ones_like(inputs["past_values"])


def _mask_of_sound(maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask as long as the sound: the axis of its features that is not their width."""
    features = inputs["input_features"]
    frames = features.shape[-1] if features.shape[-2] in _feature_widths(maker) else features.shape[-2]
    return torch.ones(1, frames, dtype=torch.int64, device=features.device)


def _mask_of_pixels(_maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return a mask of the image: of its pixels, or of its patches where it comes as a row of them."""
    pixels = inputs["pixel_values"]
    shape = pixels.shape[:-1] if pixels.dim() <= _ROW_OF_PATCHES else (*pixels.shape[:-3], *pixels.shape[-2:])
    return torch.ones(shape, dtype=torch.bool, device=pixels.device)


def _mask_of_images(_maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return which token of the text may look at which image: every one at all."""
    pixels, ids = inputs["pixel_values"], inputs["input_ids"]
    images = pixels.shape[1] if pixels.dim() > _ONE_IMAGE else 1
    return torch.ones(*ids.shape, images, dtype=torch.int64, device=ids.device)


_ROW_OF_PATCHES = 3
_ONE_IMAGE = 4


def _kinds_of_token(maker: Maker, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return 0 for text, 1 for a place of an image, 2 for one of a video, 3 for one of a sound."""
    ids = inputs["input_ids"]
    kinds = torch.zeros_like(ids)
    for kind, modality in enumerate(_MARKS, start=1):
        token = maker.sizes.find(f"{modality}_token_id", f"{modality}_token_index")
        if isinstance(token, int):
            kinds[ids == token] = kind
    return kinds


# What follows from an image, a sound or a series, and what follows from the text once it has room for these; first
# the input that it follows from.
_MASKS: dict[str, tuple[str, Joint]] = {
    "input_features_mask": ("input_features", _mask_of_sound),
    "feature_attention_mask": ("input_features", _mask_of_sound),
    "pixel_attention_mask": ("pixel_values", _mask_of_pixels),
    "past_observed_mask": ("past_values", _mask_of_series),
}
_BESIDE_TEXT: dict[str, tuple[str, Joint]] = {
    "attention_mask": ("input_ids", _mask_of_text),
    "mm_token_type_ids": ("input_ids", _kinds_of_token),
    "bbox": ("input_ids", _boxes_of_text),
    "image_attention_mask": ("pixel_values", _mask_of_images),
}

# Whose presence asks for room in the text.
_MARKS = {
    "image": ("pixel_values",),
    "video": ("pixel_values_videos",),
    "audio": ("input_features", "input_values"),
}


def _with_room(maker: Maker, modality: str, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the ids with a place for every feature of the image, video or sound, as a processor leaves it.

    How many there are the model itself says (`get_image_features` and its like).
    """
    ids = inputs["input_ids"]
    token = maker.sizes.find(f"{modality}_token_id", f"{modality}_token_index")
    features = getattr(maker.model, f"get_{modality}_features", None)
    if not isinstance(token, int) or features is None:
        return ids
    known = {name: value for name, value in inputs.items() if name in _named(features)}
    try:
        with torch.no_grad():
            found = features(**known)
    except Exception:  # noqa: BLE001 (any model may refuse; the attempt with these inputs then says why)
        return ids
    count = _feature_count(getattr(found, "pooler_output", found))
    places = torch.full((1, count), token, dtype=ids.dtype, device=ids.device)
    return torch.cat([ids[:, :1], places, ids[:, 1:]], dim=1)


def _named(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def _feature_count(features: Any) -> int:
    """Return how many feature vectors a tensor, or a nest of them, holds."""
    if isinstance(features, torch.Tensor):
        return features.shape[:-1].numel()
    if isinstance(features, list | tuple):
        return sum(_feature_count(item) for item in cast("list[Any]", features))
    return 0


# --- text ------------------------------------------------------------------------------------------------


def _input_ids(maker: Maker) -> Alternatives:
    if "input_ids" in maker.text:
        return [maker.text["input_ids"]]
    text = maker.sizes.text()
    vocabulary = maker.sizes.number("vocab_size", default=getattr(text, "vocab_size", None) or 2)
    if getattr(maker.sizes.config, "is_encoder_decoder", False):
        vocabulary = maker.sizes.number("vocab_size", default=vocabulary, part=("encoder",))
    elif isinstance(getattr(text, "vocab_size", None), int):
        vocabulary = text.vocab_size
    ids = maker.tokens(LENGTH, vocabulary)
    codebooks = maker.sizes.number("num_codebooks", default=0)
    # Sound by its codes may stand beside the text, step by step.
    return [ids, _per_codebook(maker, ids, codebooks), _per_codebook(maker, ids, codebooks + 1)] if codebooks else [ids]


def _per_codebook(maker: Maker, ids: torch.Tensor, codebooks: int) -> torch.Tensor:
    """Return the ids once for every codebook, small enough for each."""
    size = maker.sizes.number("codebook_vocab_size", "codebook_size", default=int(ids.max()) + 1)
    return (ids % size)[..., None].expand(-1, -1, codebooks).contiguous()


def _attention_mask(_maker: Maker) -> Alternatives:
    return [torch.ones(1, LENGTH, dtype=torch.int64)]


def _decoder_input_ids(maker: Maker) -> Alternatives:
    decoder = getattr(maker.sizes.config, "decoder", None)
    sizes = Sizes(decoder) if hasattr(decoder, "vocab_size") else maker.sizes
    ids = maker.tokens(DECODER_LENGTH, sizes.number("vocab_size", default=2, part=("decoder", "text")))
    codebooks = maker.sizes.number("num_codebooks", "num_channels", default=0, part=("decoder",))
    return [ids, _per_codebook(maker, ids, codebooks)] if codebooks else [ids]


def _other_input_ids(maker: Maker, part: str) -> Alternatives:
    return [maker.tokens(LENGTH, maker.sizes.number("vocab_size", default=2, part=(part, "text")))]


def _task_inputs(maker: Maker) -> Alternatives:
    return [
        maker.tokens(maker.sizes.number("task_seq_len", default=LENGTH), maker.sizes.number("vocab_size", default=2))
    ]


def _encoder_hidden_states(maker: Maker) -> Alternatives:
    width = maker.sizes.number("encoder_hidden_size", "cross_attention_dim", "hidden_size", default=1)
    return [maker.floats(1, LENGTH, width)]


def _bbox(_maker: Maker) -> Alternatives:
    return [torch.tensor([[[0, 0, 1, 1]]]).expand(1, LENGTH, 4).contiguous()]


def _embeddings(maker: Maker) -> Alternatives:
    width = maker.sizes.number("hidden_size", "d_model", "embed_dim", "dim", default=1)
    return [maker.floats(1, LENGTH, width), maker.floats(1, width, LENGTH), maker.floats(LENGTH, width)]


def _other_embeddings(maker: Maker, _part: str) -> Alternatives:
    """Return embeddings as wide as any part of the model: they may be of any of them."""
    widths = dict.fromkeys(maker.sizes.every("hidden_size", "d_model", "embed_dim", "dim"))
    return [maker.floats(1, LENGTH, width) for width in widths]


# --- images and video ------------------------------------------------------------------------------------


def _channels(maker: Maker) -> int:
    return maker.sizes.number("num_channels", "in_channels", "in_chans", default=3, part=VISION)


def _patches(maker: Maker, frames: int = 1) -> torch.Tensor:
    """Return the flattened patches of one image, as packed vision encoders take them."""
    side = maker.sizes.number("patch_size", default=14, part=VISION)
    frames = maker.sizes.number("temporal_patch_size", default=frames, part=VISION)
    return maker.floats(_side_of_grid(maker) ** 2, _channels(maker) * frames * side * side)


def _side_of_grid(maker: Maker) -> int:
    """Return the patches along each side of a packed image: whole windows where the config tells their size in pixels.

    transformers' exporter traces attention within windows as one batch, which only windows of one size make.
    """
    window, side = (maker.sizes.number(name, default=1, part=VISION) for name in ("window_size", "patch_size"))
    patches = window // side if window % side == 0 else 1
    return -(-GRID // patches) * patches


def _packed(maker: Maker) -> Alternatives | None:
    """Return an image as a packed row of patches, which some other input then arranges; None where none does."""
    present = set(parameters(maker.model))
    side = maker.sizes.number("patch_size", default=14, part=VISION)
    if present & {"image_grid_thw", "grid_thw"}:
        patches = _patches(maker)
        return [patches, patches.unflatten(1, (-1, side, side)), _patches(maker, frames=2)]
    if present & {"spatial_shapes", "pixel_position_ids", "image_position_ids"}:
        return [_patches(maker)[None]]
    if "target_sizes" in present:
        return [maker.floats(1, _channels(maker), side, _side_of_grid(maker) ** 2 * side)]
    return None


def _pixel_values(maker: Maker) -> Alternatives:
    packed = _packed(maker)
    if packed is not None:
        return packed
    height, width = maker.sizes.image()
    image = maker.floats(1, _channels(maker), height, width)
    frames = maker.sizes.number("num_frames", default=FRAMES, part=VIDEO)
    video = maker.floats(1, frames, _channels(maker), height, width)
    pair = maker.floats(1, 2, _channels(maker), height, width)
    modalities = _modalities(maker.model)
    if "video" in modalities and "image" not in modalities:
        return [video, image]
    # There may be several images, or several crops of one, some models compare two, and some take their patches.
    return [image, image[None], video, pair, _patches(maker)[None], *_evenly_divided(maker, height, width)]


def _evenly_divided(maker: Maker, height: int, width: int) -> Alternatives:
    """Return the image, and a row of one, enlarged to fours of patches: some models merge or window these."""
    side = maker.sizes.number("patch_size", default=0, part=VISION) * PATCHES_TOGETHER
    if not side or (height % side == 0 and width % side == 0):
        return []
    image = maker.floats(1, _channels(maker), -(-height // side) * side, -(-width // side) * side)
    return [image, image[None]]


def _other_pixel_values(maker: Maker, part: str) -> Alternatives:
    return [maker.floats(1, _channels(maker), *maker.sizes.image(part=(part,)))]


def _pixel_values_videos(maker: Maker) -> Alternatives:
    height, width = maker.sizes.image()
    if {"video_grid_thw", "grid_thw"} & set(parameters(maker.model)):
        return [_patches(maker)]
    frames = maker.sizes.number("num_frames", "frames_per_clip", default=FRAMES, part=VIDEO)
    return [maker.floats(1, frames, _channels(maker), height, width)]


def _grid(maker: Maker) -> Alternatives:
    return [torch.tensor([[1, _side_of_grid(maker), _side_of_grid(maker)]])]


def _sides(maker: Maker) -> Alternatives:
    return [torch.tensor([[_side_of_grid(maker), _side_of_grid(maker)]])]


def _positions(maker: Maker) -> Alternatives:
    side = torch.arange(_side_of_grid(maker))
    return [torch.cartesian_prod(side, side)[None]]


def _ones(_maker: Maker) -> Alternatives:
    """Return a stand-in for a mask: it follows from what it masks once that is chosen."""
    return [torch.ones(1, 1, dtype=torch.int64)]


def _packed_hidden_states(maker: Maker) -> Alternatives:
    return [_patches(maker)] if "grid_thw" in parameters(maker.model) else _embeddings(maker)


def _image_sizes(maker: Maker) -> Alternatives:
    return [torch.tensor([maker.sizes.image()])]


def _input_points(maker: Maker) -> Alternatives:
    height, width = maker.sizes.image()
    return [torch.tensor([[[[width / 2.0, height / 2.0]]]])]


def _input_labels(_maker: Maker) -> Alternatives:
    return [torch.ones(1, 1, 1, dtype=torch.int64)]


# --- sound -----------------------------------------------------------------------------------------------


def _input_values(maker: Maker) -> Alternatives:
    bins = maker.sizes.find("num_mel_bins", part=AUDIO)
    length = maker.sizes.find("max_length", part=AUDIO)
    samples = SAMPLING_RATE * SECONDS_OF_AUDIO
    channels = maker.sizes.number("audio_channels", default=1)
    waves = [maker.floats(1, samples), maker.floats(1, channels, samples), maker.floats(1, WINDOWED_SAMPLES)]
    if isinstance(bins, int) and isinstance(length, int):
        return [maker.floats(1, length, bins), *waves]
    return waves


def _feature_widths(maker: Maker) -> list[int]:
    """Return how wide a frame of a sound's features may be, the likeliest first."""
    names = (
        "num_mel_bins", "feature_projection_input_dim", "input_feat_per_channel", "input_feat_size", "input_dim",
        "feature_size",
    )  # fmt: skip
    stacked = maker.sizes.number("num_stacked_frames", default=1, part=AUDIO)
    widths = [maker.sizes.number(name, default=0, part=AUDIO) * stacked for name in names]
    return list(dict.fromkeys(width for width in widths if width)) or [80]


def _input_features(maker: Maker) -> Alternatives:
    frames = maker.sizes.find("max_source_positions", part=AUDIO)
    widths = _feature_widths(maker)
    layouts = [layout for width in widths for layout in _spectra(maker, width)]
    # A fixed number of source positions, halved by a strided convolution, wants the whole window.
    if isinstance(frames, int):
        layouts.insert(0, maker.floats(1, widths[0], 2 * frames))
    return [*layouts, maker.floats(1, widths[0], WINDOWED_FRAMES)]


def _spectrum(maker: Maker, _part: str) -> Alternatives:
    return _input_features(maker)


def _spectra(maker: Maker, width: int) -> Alternatives:
    """Return a sound's features: a row of frames, a row of bins, or an image of one channel."""
    return [
        maker.floats(1, SPECTRUM_FRAMES, width),
        maker.floats(1, width, SPECTRUM_FRAMES),
        maker.floats(1, 1, SPECTRUM_FRAMES, width),
    ]


# --- by the documentation --------------------------------------------------------------------------------


def _stated(maker: Maker, name: str) -> tuple[tuple[int, ...], torch.dtype] | None:
    """Return the shape and the type of an input that the documentation of `forward` tells; None where it does not."""
    stated = documented(maker.model).get(name)
    shape = None if stated is None else stated.shape(lambda axis: _length(maker, axis))
    return None if stated is None or shape is None else (shape, stated.dtype)


def _as_documented(maker: Maker, name: str) -> Alternatives | None:
    stated = _stated(maker, name)
    if stated is None:
        return None
    shape, dtype = stated
    ones = torch.ones(shape, dtype=torch.int64)
    if dtype == torch.bool:
        return [ones.bool()]
    # Whatever an id stands for, there is a first; other numbers count or mark things, and 1 is the least that does.
    numbers = [ones, torch.zeros_like(ones)]
    if name.endswith("ids"):
        numbers.reverse()
    if dtype == torch.int64 or _WHOLE_NUMBERS.search(name):
        return numbers
    return [maker.floats(*shape), *numbers]


_WHOLE_NUMBERS = re.compile(r"(ids|mask|sizes|indices|lengths)$")
_PER_STEP = re.compile(r"length|len$|frames|tokens|steps|features")
_PER_PATCH = re.compile(r"patches|image_tokens")


def _length(maker: Maker, axis: str) -> int:
    """Return how long an axis is by its name: a size of the config, a number of steps, or of things (one)."""
    height, width = maker.sizes.image()
    usual = {"height": height, "width": width, "image_size": height, "num_channels": _channels(maker), "batch_size": 1}
    if axis in usual:
        return usual[axis]
    if _PER_PATCH.search(axis):
        return _side_of_grid(maker) ** 2
    return maker.sizes.number(axis, f"num_{axis}", default=LENGTH if _PER_STEP.search(axis) else 1)


# --- time series -----------------------------------------------------------------------------------------


def _past(maker: Maker) -> int:
    lags = maker.sizes.find("lags_sequence") or [0]
    return maker.sizes.number("context_length", default=LENGTH) + max(cast("list[int]", lags))


def _past_values(maker: Maker) -> Alternatives:
    channels = maker.sizes.number("num_input_channels", "input_size", default=1)
    series = maker.floats(1, _past(maker), channels)
    return [series[..., 0], series] if channels == 1 else [series, series[..., 0]]


def _past_time_features(maker: Maker) -> Alternatives:
    features = maker.sizes.number("num_time_features", default=1)
    return [maker.floats(1, _past(maker), features)]


def _future_time_features(maker: Maker) -> Alternatives:
    features = maker.sizes.number("num_time_features", default=1)
    return [maker.floats(1, maker.sizes.number("prediction_length", default=1), features)]


def _rule(name: str) -> Callable[[Maker], Alternatives] | None:
    """Return the rule for an input: its own, or that of what its name ends with."""
    if name in _RULES:
        return _RULES[name]
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), None)
    if ending is None:
        return None
    rule, part = _ENDINGS[ending], name.removesuffix(ending)
    return lambda maker: rule(maker, part)


def _is_another(name: str) -> bool:
    """Whether an input is a further text, image or sound, and not a stand-in for one (as embeddings are)."""
    return any(name.endswith(ending) for ending in ("_input_ids", "_pixel_values", "_mel"))


_RULES: dict[str, Callable[[Maker], Alternatives]] = {
    "input_ids": _input_ids,
    "attention_mask": _attention_mask,
    "decoder_input_ids": _decoder_input_ids,
    "mm_token_type_ids": _attention_mask,
    "bbox": _bbox,
    "task_inputs": _task_inputs,
    "encoder_hidden_states": _encoder_hidden_states,
    "inputs_embeds": _embeddings,
    "inputs": _embeddings,
    "query_embeds": _embeddings,
    "hidden_states": _packed_hidden_states,
    "pixel_values": _pixel_values,
    "pixel_values_videos": _pixel_values_videos,
    "image_grid_thw": _grid,
    "video_grid_thw": _grid,
    "grid_thw": _grid,
    "spatial_shapes": _sides,
    "target_sizes": _sides,
    "pixel_position_ids": _positions,
    "image_position_ids": _positions,
    "pixel_attention_mask": _ones,
    "image_attention_mask": _ones,
    "image_sizes": _image_sizes,
    "input_points": _input_points,
    "input_labels": _input_labels,
    "input_values": _input_values,
    "input_features": _input_features,
    "input_features_mask": _ones,
    "feature_attention_mask": _ones,
    "past_values": _past_values,
    "past_time_features": _past_time_features,
    "past_observed_mask": _ones,
    "future_time_features": _future_time_features,
}

# A further text, image or sound bears the name of its part before a known one.
_ENDINGS: dict[str, Callable[[Maker, str], Alternatives]] = {
    "_input_ids": _other_input_ids,
    "_pixel_values": _other_pixel_values,
    "_mel": _spectrum,
    "_embeds": _other_embeddings,
    "_hidden_states": _other_embeddings,
}

# Given only where the model does not run without.
_SELDOM_NEEDED = {
    "image_sizes", "pixel_attention_mask", "image_attention_mask", "input_features_mask", "feature_attention_mask",
    "encoder_hidden_states",
}  # fmt: skip

_MODALITIES: dict[str, tuple[str, ...]] = {
    "text": ("input_ids", "bbox", "qformer_input_ids"),
    "image": (
        "pixel_values", "image_grid_thw", "spatial_shapes", "target_sizes", "pixel_position_ids", "image_position_ids",
        "mm_token_type_ids", "image_sizes", "input_points", "input_labels",
    ),
    "audio": ("input_values", "input_features"),
    "video": ("pixel_values_videos", "pixel_values", "video_grid_thw", "mm_token_type_ids"),
    "time": ("past_values", "past_time_features", "past_observed_mask", "future_time_features"),
}  # fmt: skip

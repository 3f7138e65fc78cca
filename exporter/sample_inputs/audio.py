"""Sounds: a wave, or its features frame by frame."""

from __future__ import annotations

from .builder import Candidates, InputBuilder, InputRule, PartInputRule
from .config_sizes import AUDIO

SECONDS_OF_AUDIO = 1
SAMPLING_RATE = 16_000
SPECTRUM_FRAMES = 128
# What cuts a sound into windows of equal length finds a multiple of 80 ms at 24 kHz, and of a second of frames.
WINDOWED_SAMPLES = 15_360
WINDOWED_FRAMES = 400


def feature_widths(maker: InputBuilder) -> list[int]:
    """Return how wide a frame of a sound's features may be, the likeliest first."""
    names = (
        "num_mel_bins", "feature_projection_input_dim", "input_feat_per_channel", "input_feat_size", "input_dim",
        "feature_size",
    )  # fmt: skip
    stacked = maker.sizes.number("num_stacked_frames", default=1, part=AUDIO)
    widths = [maker.sizes.number(name, default=0, part=AUDIO) * stacked for name in names]
    return list(dict.fromkeys(width for width in widths if width)) or [80]


def _input_values(maker: InputBuilder) -> Candidates:
    bins = maker.sizes.find("num_mel_bins", part=AUDIO)
    length = maker.sizes.find("max_length", part=AUDIO)
    samples = SAMPLING_RATE * SECONDS_OF_AUDIO
    channels = maker.sizes.number("audio_channels", default=1)
    waves = [maker.floats(1, samples), maker.floats(1, channels, samples), maker.floats(1, WINDOWED_SAMPLES)]
    if isinstance(bins, int) and isinstance(length, int):
        return [maker.floats(1, length, bins), *waves]
    return waves


def _input_features(maker: InputBuilder) -> Candidates:
    frames = maker.sizes.find("max_source_positions", part=AUDIO)
    widths = feature_widths(maker)
    layouts = [layout for width in widths for layout in _spectra(maker, width)]
    # A fixed number of source positions, halved by a strided convolution, wants the whole window.
    if isinstance(frames, int):
        layouts.insert(0, maker.floats(1, widths[0], 2 * frames))
    return [*layouts, maker.floats(1, widths[0], WINDOWED_FRAMES)]


def _spectra(maker: InputBuilder, width: int) -> Candidates:
    """Return a sound's features: a row of frames, a row of bins, or an image of one channel."""
    return [
        maker.floats(1, SPECTRUM_FRAMES, width),
        maker.floats(1, width, SPECTRUM_FRAMES),
        maker.floats(1, 1, SPECTRUM_FRAMES, width),
    ]


def _other_features(maker: InputBuilder, _part: str) -> Candidates:
    return _input_features(maker)


RULES: dict[str, InputRule] = {"input_values": _input_values, "input_features": _input_features}

ENDINGS: dict[str, PartInputRule] = {"_mel": _other_features}

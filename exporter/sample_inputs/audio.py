"""Audio inputs: a waveform, or the features of each frame."""

from __future__ import annotations

from .builder import CandidateTensors, InputBuilder, InputRule, PartInputRule
from .config_sizes import AUDIO

AUDIO_SECONDS = 1
SAMPLING_RATE_HZ = 16_000
SPECTRUM_FRAMES = 128
# For models that cut audio into windows of equal length: a multiple of 80 ms at 24 kHz (1,920 samples), and a multiple
# of one second (100 frames).
WINDOWED_SAMPLES = 15_360
WINDOWED_FRAMES = 400


def feature_widths(builder: InputBuilder) -> list[int]:
    """Return the possible numbers of features per frame, the likeliest first."""
    names = (
        "num_mel_bins", "feature_projection_input_dim", "input_feat_per_channel", "input_feat_size", "input_dim",
        "feature_size",
    )  # fmt: skip
    stacked = builder.sizes.number("num_stacked_frames", default=1, part=AUDIO)
    widths = [builder.sizes.number(name, default=0, part=AUDIO) * stacked for name in names]
    return list(dict.fromkeys(width for width in widths if width)) or [80]


def _input_values(builder: InputBuilder) -> CandidateTensors:
    bins = builder.sizes.find("num_mel_bins", part=AUDIO)
    length = builder.sizes.find("max_length", part=AUDIO)
    samples = SAMPLING_RATE_HZ * AUDIO_SECONDS
    channels = builder.sizes.number("audio_channels", default=1)
    waves = [builder.floats(1, samples), builder.floats(1, channels, samples), builder.floats(1, WINDOWED_SAMPLES)]
    if isinstance(bins, int) and isinstance(length, int):
        return [builder.floats(1, length, bins), *waves]
    return waves


def _input_features(builder: InputBuilder) -> CandidateTensors:
    frames = builder.sizes.find("max_source_positions", part=AUDIO)
    widths = feature_widths(builder)
    layouts = [layout for width in widths for layout in _spectrogram_layouts(builder, width)]
    # With a fixed number of source positions, behind a convolution of stride 2, the model needs the whole window.
    if isinstance(frames, int):
        layouts.insert(0, builder.floats(1, widths[0], 2 * frames))
    return [*layouts, builder.floats(1, widths[0], WINDOWED_FRAMES)]


def _spectrogram_layouts(builder: InputBuilder, width: int) -> CandidateTensors:
    """Return features of shape (1, frames, width), (1, width, frames) and (1, 1, frames, width)."""
    return [
        builder.floats(1, SPECTRUM_FRAMES, width),
        builder.floats(1, width, SPECTRUM_FRAMES),
        builder.floats(1, 1, SPECTRUM_FRAMES, width),
    ]


def _part_features(builder: InputBuilder, _part: str) -> CandidateTensors:
    return _input_features(builder)


RULES: dict[str, InputRule] = {"input_values": _input_values, "input_features": _input_features}

ENDINGS: dict[str, PartInputRule] = {"_mel": _part_features}

"""Time-series inputs: past values and the time features of each step."""

from __future__ import annotations

from typing import cast

from .builder import SEQUENCE_LENGTH, CandidateTensors, InputBuilder, InputRule


def _past_steps(builder: InputBuilder) -> int:
    """Return the number of past steps that the model needs: its context and its largest lag."""
    lags = builder.sizes.find("lags_sequence") or [0]
    return builder.sizes.number("context_length", default=SEQUENCE_LENGTH) + max(cast("list[int]", lags))


def _past_values(builder: InputBuilder) -> CandidateTensors:
    channels = builder.sizes.number("num_input_channels", "input_size", default=1)
    series = builder.floats(1, _past_steps(builder), channels)
    return [series[..., 0], series] if channels == 1 else [series, series[..., 0]]


def _past_time_features(builder: InputBuilder) -> CandidateTensors:
    return _time_features(builder, _past_steps(builder))


def _future_time_features(builder: InputBuilder) -> CandidateTensors:
    return _time_features(builder, builder.sizes.number("prediction_length", default=1))


def _time_features(builder: InputBuilder, steps: int) -> CandidateTensors:
    return [builder.floats(1, steps, builder.sizes.number("num_time_features", default=1))]


RULES: dict[str, InputRule] = {
    "past_values": _past_values,
    "past_time_features": _past_time_features,
    "future_time_features": _future_time_features,
}

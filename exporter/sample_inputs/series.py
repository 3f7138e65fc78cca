"""Time series: as many past values as the model looks back at, and the features of each time."""

from __future__ import annotations

from typing import cast

from .builder import LENGTH, Candidates, InputBuilder, InputRule


def _past(maker: InputBuilder) -> int:
    """Return how many steps the model looks back."""
    lags = maker.sizes.find("lags_sequence") or [0]
    return maker.sizes.number("context_length", default=LENGTH) + max(cast("list[int]", lags))


def _past_values(maker: InputBuilder) -> Candidates:
    channels = maker.sizes.number("num_input_channels", "input_size", default=1)
    series = maker.floats(1, _past(maker), channels)
    return [series[..., 0], series] if channels == 1 else [series, series[..., 0]]


def _past_time_features(maker: InputBuilder) -> Candidates:
    return _time_features(maker, _past(maker))


def _future_time_features(maker: InputBuilder) -> Candidates:
    return _time_features(maker, maker.sizes.number("prediction_length", default=1))


def _time_features(maker: InputBuilder, steps: int) -> Candidates:
    return [maker.floats(1, steps, maker.sizes.number("num_time_features", default=1))]


RULES: dict[str, InputRule] = {
    "past_values": _past_values,
    "past_time_features": _past_time_features,
    "future_time_features": _future_time_features,
}

"""A window of a time series as lines over its steps: a panel with axes for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from zoo.results import formatting as fmt

#: More channels than this are no lines that anybody reads.
MOST_CHANNELS = 6
#: Longer windows are thinned out: the page shows no more points.
_POINTS = 240
_WIDTH, _PANEL, _LEFT, _RIGHT, _FOOT = 320, 66, 46, 8, 34
_COLOURS = ("blue", "orange", "teal", "purple")


def series_chart(window: NDArray[np.float32], names: Sequence[str] = ()) -> str:
    """An ``<svg>`` element; each channel has a scale of its own, time is the same for all.

    Args:
        window: float32, shape (steps, channels), at most `MOST_CHANNELS`.
        names: Of the channels; empty where they have none.
    """
    values = np.asarray(window, np.float64)
    steps, channels = values.shape
    labels = [fmt.plain(name, 24) for name in names] or [f"channel {n}" for n in range(channels)]
    height = _PANEL * channels + _FOOT
    parts = [
        _panel(values[:, place], labels[place], place * _PANEL, _COLOURS[place % len(_COLOURS)])
        for place in range(channels)
    ]
    base = _PANEL * channels + 14
    ends = _text(_LEFT, base, "0", "start") + _text(_WIDTH - _RIGHT, base, str(steps - 1), "end")
    about = f"A series of {steps} steps: {fmt.listed(labels)}"
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return (
        f'<svg class="chart series" role="img" aria-label="{escape(about)}" '
        f'viewBox="0 0 {_WIDTH} {height}"><title>{escape(about)}</title>'
        f"{''.join(parts)}{ends}{_text(middle, base + 14, 'step', 'middle')}</svg>"
    )


def _panel(channel: NDArray[np.float64], label: str, top: float, colour: str) -> str:
    low, high = float(channel.min()), float(channel.max())
    lower, upper = top + _PANEL - 6, top + 20
    kept = np.unique(np.linspace(0, len(channel) - 1, min(len(channel), _POINTS)).round())
    across = _LEFT + kept / max(len(channel) - 1, 1) * (_WIDTH - _LEFT - _RIGHT)
    unit = (channel[kept.astype(int)] - low) / (high - low) if high > low else 0.5 + 0 * kept
    down = lower - unit * (lower - upper)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    if len(kept) == 1:  # a single step is no line; it still has to be seen
        points += f" {_WIDTH - _RIGHT},{down[0]:.1f}"
    lines = "".join(
        f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="var(--chart-grid)"/>'
        for y in (lower, upper)
    )
    scale = _text(_LEFT - 5, lower + 4, fmt.number(low, 2), "end")
    if high > low:
        scale += _text(_LEFT - 5, upper + 4, fmt.number(high, 2), "end")
    return (
        f"{lines}{scale}{_text(_LEFT, top + 12, label, 'start')}"
        f'<polyline points="{points}" fill="none" stroke="var(--chart-{colour})" '
        'stroke-width="1.5"/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="12" text-anchor="{anchor}" '
        f'fill="var(--chart-muted)">{escape(text)}</text>'
    )

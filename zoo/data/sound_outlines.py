"""Sounds that are nearly the same: another level, code, rate or beginning of one recording.

An outline is 0.8 seconds about the loudest part, as 16 times by 16 bands of frequency: how much
more energy there is, in logarithms, than in the times and bands around. Neither level nor rate nor
a little noise changes it much, and a sound that begins later has its loudest part later. The same
word by a like voice has such an outline, too, so waveforms decide.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.preprocessing.sounds import hertz_of, mel
from zoo.data.near_copies import SIZE, packed_steps, steps_around
from zoo.data.readers.sound_files import decoded, fitted_sound

_SIDE = 16
_SECONDS = 0.8
#: Of a frame; the next begins half of it later.
_FRAME = 0.032
#: Outer edges of the bands: telephones, too, keep what lies between.
_LOW, _HIGH = 100.0, 3600.0
#: Energy is smoothed over so many seconds, and raised to this power, before its centre is taken.
_SMOOTH, _POWER = 0.15, 4
#: Energies less than this share of the greatest are as good as none.
_FLOOR = 1e-3
#: Frames that are transformed at a time.
_CHUNK = 4096
#: Outlines that correlate by so much are those of one recording or of two that sound alike.
CORRELATION = 0.9
#: Waveforms of one recording correlate by more, moved against each other; those of two hardly do.
_WAVEFORMS = 0.7
#: What waveforms are compared of: samples per second, and seconds at most.
_RATE, _LONGEST = 8000, 10.0


def sound_outline(samples: NDArray[Any], rate: int) -> bytes:
    """The outline of a sound: `SIZE` bytes, all zero where it is silent.

    Args:
        samples: Real numbers, shape (samples,).
        rate: Samples per second.
    """
    energies = _energies(np.asarray(samples, np.float64), rate)
    total = energies.sum(axis=1)
    if not total.any():
        return bytes(SIZE)
    per_second = 1 / (_FRAME / 2)
    smooth = np.convolve(total, np.hanning(round(_SMOOTH * per_second) + 2)[1:-1], "same")
    weights = (smooth / smooth.max()) ** _POWER
    centre = float((weights * np.arange(len(weights))).sum() / weights.sum())
    reach = _SECONDS * per_second / 2
    borders = np.linspace(centre - reach, centre + reach, _SIDE + 1)
    before = np.vstack([np.zeros(_SIDE), np.cumsum(energies, axis=0)])
    places = np.arange(len(before))
    upto = np.stack([np.interp(borders, places, before[:, band]) for band in range(_SIDE)], axis=1)
    cells = np.diff(upto, axis=0)
    return packed_steps(steps_around(np.log(cells / cells.max() + _FLOOR)), least=1e-3)


def same_recording(one: Path, other: Path) -> bool:
    """Whether two sound files hold one recording, by their waveforms.

    Raises:
        BadSound: One is no sound any more.
        OSError: The system does not hand one out.
    """
    sounds = [decoded(one), decoded(other)]
    seconds = min(_LONGEST, max(len(sound.samples) / sound.rate for sound in sounds))
    length = max(1, round(seconds * _RATE))
    return correlation_of(*(fitted_sound(sound, _RATE, length) for sound in sounds)) >= _WAVEFORMS


def correlation_of(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The largest correlation of two sounds of one length, moved against each other; 0 to 1."""
    first, second = (
        np.fft.rfft(own - own.mean(), 2 * len(own)) for own in (np.asarray(one), np.asarray(other))
    )
    both, *each = (
        np.fft.irfft(a * b.conj()) for a, b in ((first, second), (first, first), (second, second))
    )
    energy = math.sqrt(each[0][0] * each[1][0])
    return float(np.abs(both).max() / energy) if energy > 0 else 0.0


def _energies(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Energy of each frame in each band, shape (frames, bands)."""
    length = max(8, round(_FRAME * rate))
    hop = length // 2
    padded = np.pad(samples - samples.mean(), (hop, length))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    edges = [hertz_of(one) for one in np.linspace(mel(_LOW), mel(_HIGH), _SIDE + 1)]
    bands = np.searchsorted(edges, frequencies, side="right") - 1
    weights = (bands[:, np.newaxis] == np.arange(_SIDE)).astype(np.float64)
    weights[frequencies >= _HIGH] = 0
    window = np.hanning(length)
    found = []
    for start in range(0, len(frames), _CHUNK):
        power = np.abs(np.fft.rfft(frames[start : start + _CHUNK] * window)) ** 2
        found.append(power @ weights)
    return np.concatenate(found)

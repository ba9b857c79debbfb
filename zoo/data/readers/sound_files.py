"""Sound files as networks take them: one channel, one rate, one length."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require
from zoo.data.readers.wave_files import MAX_BYTES, BadSound, Sound, decode

#: In lower case.
SUFFIXES = (".wav", ".wave")
#: By so much of its length the stretch that is kept of a long sound is moved at a time.
_STEP = 0.01


def read_sound(path: Path, rate: int, samples: int) -> NDArray[np.float32]:
    """A file at another rate and length.

    Args:
        path: Of a WAV file.
        rate: Samples per second of what is returned.
        samples: Its length.

    Returns:
        float32, shape (samples,); see `fitted_sound`.

    Raises:
        BadSound: It is no sound that can be used.
        OSError: The system does not hand it out.
    """
    return fitted_sound(decoded(path), rate, samples)


def decoded(path: Path) -> Sound:
    """A file as it is; raises as `read_sound` does."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadSound(f"it has {size:,} bytes, more than {MAX_BYTES:,}")
    return decode(path.read_bytes())


def fitted_sound(sound: Sound, rate: int, samples: int) -> NDArray[np.float32]:
    """A sound at a rate, cut or padded to a length.

    Another rate is reached by a polyphase filter (``scipy.signal.resample_poly``, with its Kaiser
    window of 5.0). Of a longer sound the stretch with the most energy is kept; a shorter one gets
    zeros on both sides, as many behind it as before it, or one more. Its level stays as it is.
    """
    values = _resampled(
        _loudest(sound.samples, math.ceil(samples * sound.rate / rate)), sound.rate, rate
    )
    values = values[:samples]
    before = (samples - len(values)) // 2
    result = np.zeros(samples, np.float32)
    result[before : before + len(values)] = values
    return result


def _loudest(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The stretch of a length with the most energy, the first of those that have as much."""
    if len(values) <= length:
        return values
    energy = np.concatenate([[0.0], np.cumsum(np.square(values, dtype=np.float64))])
    starts = np.arange(0, len(values) - length + 1, max(1, int(length * _STEP)))
    best = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return values[best : best + length]


def _resampled(values: NDArray[np.float32], before: int, after: int) -> NDArray[np.float64]:
    if before == after:
        return values.astype(np.float64)
    signal = require("scipy.signal")
    shared = math.gcd(before, after)
    result: NDArray[np.float64] = signal.resample_poly(
        values.astype(np.float64), after // shared, before // shared
    )
    return result

"""WAV files in all forms, and folders of them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Number of the form in the header: whole numbers, real numbers.
PCM, FLOAT = 1, 3


def wav(
    samples: NDArray[np.float64],
    rate: int = 16_000,
    bits: int = 16,
    form: int = PCM,
    extensible: bool = False,
) -> bytes:
    """A WAV file of samples from -1 to 1, (samples,) or (samples, channels)."""
    rows = samples[:, np.newaxis] if samples.ndim == 1 else samples
    if form == FLOAT:
        content = rows.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        content = np.clip(np.rint(rows * 128 + 128), 0, 255).astype(np.uint8).tobytes()
    else:
        most = 2 ** (bits - 1) - 1
        whole = np.clip(np.rint(rows * (most + 1)), -most - 1, most).astype("<i8")
        content = whole.view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()
    channels, block = rows.shape[1], rows.shape[1] * bits // 8
    tag = 0xFFFE if extensible else form
    header = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    if extensible:
        header += struct.pack("<HHIH", 22, bits, 0, form) + bytes(14)
    return riff((b"fmt ", header), (b"LIST", b"odd"), (b"data", content))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A RIFF file of a sound with these chunks, those of odd length padded."""
    body = b"".join(
        name + struct.pack("<I", len(own)) + own + bytes(len(own) % 2) for name, own in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def tone(
    hertz: float, rate: int = 16_000, seconds: float = 1.0, seed: int = 0
) -> NDArray[np.float64]:
    """A tone in noise that follows from the seed."""
    random = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    sound: NDArray[np.float64] = 0.3 * np.sin(2 * np.pi * hertz * time + random.uniform(0, 6))
    return sound + random.normal(0, 0.01, len(time))


def tone_folder(folder: Path, voices: int = 8, takes: int = 2, rate: int = 16_000) -> Path:
    """Three classes of tones; each voice is a little higher than the one before."""
    for number, (name, hertz) in enumerate({"low": 300, "mid": 900, "high": 2700}.items()):
        (folder / name).mkdir(parents=True)
        for voice in range(voices):
            for take in range(takes):
                seed = 1000 * number + 10 * voice + take
                sound = tone(hertz * (1 + voice / 100), rate, 1.0, seed)
                (folder / name / f"v{voice}_nohash_{take}.wav").write_bytes(wav(sound, rate))
    return folder

"""Sounds in WAV files: uncompressed numbers of any width, whatever the number of channels.

Python's own ``wave`` reads whole numbers alone, and no extensible headers before Python 3.12.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Larger files are no words: nothing is read of them.
MAX_BYTES = 1 << 28
#: Lowest and highest number of samples per second that is believed.
RATES = (1_000, 384_000)
_MOST_CHANNELS = 64
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
#: What else sounds are stored as, by the number that headers give it.
_COMPRESSED = {
    0x0002: "Microsoft ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0045: "G.726",
    0x0055: "MP3",
    0x00FF: "AAC",
}
#: First bytes of files of other kinds that are found under this name, or given in their place.
_OTHERS = {
    b"OggS": "an Ogg file",
    b"fLaC": "a FLAC file",
    b"ID3": "an MP3 file",
    b"\xff\xfb": "an MP3 file",
    b"FORM": "an AIFF file",
    b"RIFX": "a WAV file of big-endian numbers (RIFX)",
    b"RF64": "a WAV file of more than 4 GB (RF64)",
}
CONVERT = "save it as uncompressed WAV (PCM): ffmpeg -i IN -c:a pcm_s16le OUT.wav"


class BadSound(ValueError):
    """Why a file is no sound that can be used; the message is for people."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sound:
    """What a file holds.

    Attributes:
        samples: float32, shape (samples,), from -1 to 1 where the file holds whole numbers; the
            mean of its channels.
        rate: Samples per second.
        channels: Of the file.
    """

    samples: NDArray[np.float32]
    rate: int
    channels: int


@dataclass(frozen=True)
class _Format:
    tag: int
    channels: int
    rate: int
    block: int
    bits: int


def decode(data: bytes) -> Sound:
    """Reads a WAV file.

    Args:
        data: The whole file.

    Raises:
        BadSound: It is no WAV file, compressed, cut off, empty, or holds NaN or infinity.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadSound(_no_wave(data))
    given, found = None, None
    place = 12
    while place + 8 <= len(data) and found is None:
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        place += 8
        if name == b"fmt ":
            given = _format(data[place : place + size], size)
        elif name == b"data":
            found = _content(data, place, size)
        place += size + size % 2
    if given is None:
        raise BadSound("its header is cut off: it does not say how the sound is stored")
    _check(given)
    if found is None:
        raise BadSound("it is cut off before the samples")
    return _sound(given, found)


def _no_wave(data: bytes) -> str:
    if not data:
        return "the file is empty"
    if data[:4] == b"RIFF":
        return "its header is cut off" if len(data) < 12 else "a RIFF file, but not of a sound"
    other = next((what for start, what in _OTHERS.items() if data.startswith(start)), None)
    if other is None and data[4:8] == b"ftyp":
        other = "an MP4 file (.m4a)"
    if other is not None:
        return f"it is {other}; {CONVERT}"
    printable = all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in data[:64])
    return f"it is {'a text' if printable else 'no WAV file'}"


def _format(data: bytes, size: int) -> _Format:
    if len(data) < min(size, 16) or size < 16:
        raise BadSound("its header is cut off: it does not say how the sound is stored")
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data)
    if tag == _EXTENSIBLE and len(data) >= 26:
        tag = struct.unpack_from("<H", data, 24)[0]
    return _Format(tag, channels, rate, block, bits)


def _content(data: bytes, place: int, size: int) -> bytes:
    rest = len(data) - place
    # Programs that write into a pipe do not know the length, and give none or a huge one.
    streamed = struct.unpack_from("<I", data, 4)[0] in (0, 0xFFFFFFFF)
    if size > MAX_BYTES or (size == 0 and streamed):
        size = rest
    if size > rest:
        raise BadSound(f"it is cut off: {rest:,} of {size:,} bytes of samples are there")
    return data[place : place + size]


def _check(given: _Format) -> None:
    if given.tag not in (_PCM, _FLOAT):
        name = _COMPRESSED.get(given.tag, f"format {given.tag:#06x}")
        raise BadSound(f"it is compressed ({name}); {CONVERT}")
    widths = (8, 16, 24, 32) if given.tag == _PCM else (32, 64)
    if given.bits not in widths:
        raise BadSound(f"its samples have {given.bits} bits, and {_listed(widths)} are read")
    if not RATES[0] <= given.rate <= RATES[1]:
        raise BadSound(f"its header says {given.rate:,} samples per second")
    if not 1 <= given.channels <= _MOST_CHANNELS:
        raise BadSound(f"its header says {given.channels} channels")
    if given.block != given.channels * given.bits // 8:
        raise BadSound(
            f"its header contradicts itself: {given.channels} channels of {given.bits} bits in "
            f"{given.block} bytes"
        )


def _listed(widths: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, widths[:-1]))} or {widths[-1]}"


def _sound(given: _Format, content: bytes) -> Sound:
    count = len(content) // given.block
    if count == 0:
        raise BadSound("it holds no samples: a sound of no length")
    content = content[: count * given.block]
    if given.tag == _FLOAT:
        values = np.frombuffer(content, f"<f{given.bits // 8}").astype(np.float64)
        # The largest float64 is no float32; both are far beyond any sound.
        if not np.isfinite(values).all() or np.abs(values).max() > 1e6:
            raise BadSound("it holds NaN, infinite or huge values")
    else:
        values = _whole(content, given.bits)
    mono = values.reshape(count, given.channels).mean(axis=1)
    return Sound(samples=mono.astype(np.float32), rate=given.rate, channels=given.channels)


def _whole(content: bytes, bits: int) -> NDArray[np.float64]:
    if bits == 8:  # the only width that is unsigned
        return (np.frombuffer(content, np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:
        raw = np.frombuffer(content, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 1:] = raw
        return wide.view("<i4")[:, 0].astype(np.float64) / 2.0**31
    return np.frombuffer(content, f"<i{bits // 8}").astype(np.float64) / 2.0 ** (bits - 1)

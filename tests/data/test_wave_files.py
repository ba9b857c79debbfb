"""WAV files: every form of numbers, and what is no sound."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_folders import FLOAT, PCM, riff, tone, wav

from zoo.data.readers.sound_files import fitted_sound
from zoo.data.readers.wave_files import BadSound, Sound, decode

FORMS = [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)]
SOUND = np.stack([tone(440, seconds=0.1), tone(700, seconds=0.1)], axis=1)
HEADER = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("form", "bits"), FORMS)
def test_samples_are_read_in_every_form(form: int, bits: int, extensible: bool) -> None:
    sound = decode(wav(SOUND, 44_100, bits, form, extensible))
    assert (sound.rate, sound.channels, sound.samples.dtype) == (44_100, 2, np.float32)
    step = 2.0 ** (1 - bits) if form == PCM else 0.0
    assert np.abs(sound.samples - SOUND.mean(axis=1)).max() <= step / 2 + 1e-7


@given(st.sampled_from([1, 2, 3, 4]), st.integers(1, 3), st.binary(min_size=36, max_size=400))
def test_samples_are_those_of_pythons_own_reader(width: int, channels: int, noise: bytes) -> None:
    content = noise[: len(noise) // (width * channels) * width * channels]
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setparams((channels, width, 8000, 0, "NONE", ""))
        made.writeframes(content)
    with wave.open(io.BytesIO(file.getvalue())) as read:
        raw = read.readframes(read.getnframes())
    parts = [raw[start : start + width] for start in range(0, len(raw), width)]
    least = 128 if width == 1 else 0
    whole = [int.from_bytes(p, "little", signed=width > 1) - least for p in parts]
    right = np.array(whole).reshape(-1, channels).mean(axis=1) / 2 ** (8 * width - 1)
    assert np.array_equal(decode(file.getvalue()).samples, right.astype(np.float32))


@given(st.binary(max_size=200), st.integers(0, 120), st.integers(0, 255))
def test_damaged_files_are_refused_in_words(noise: bytes, place: int, byte: int) -> None:
    whole = wav(SOUND[:20])
    damaged = bytearray(whole)
    damaged[place % len(damaged)] = byte
    for data in (noise, b"RIFF" + noise, bytes(damaged), whole[:place], whole + noise):
        try:
            sound = decode(data)
        except BadSound:
            continue
        assert sound.samples.ndim == 1
        assert len(sound.samples) > 0
        assert np.isfinite(sound.samples).all()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"hello, this is no sound\n", "a text"),
        (b"OggS\0\2", "an Ogg file"),
        (b"fLaC\0\0", "a FLAC file; .*ffmpeg"),
        (b"\0\0\0\x20ftypM4A ", "an MP4 file .*ffmpeg"),
        (b"\0\1\2\3" * 9, "no WAV file"),
        (b"RIFF\x10\0\0\0AVI LIST", "not of a sound"),
        (wav(SOUND)[:30], "header is cut off"),
        (wav(SOUND)[:50], "cut off before the samples"),
        (wav(SOUND)[:-100], "is cut off: 6,300 of 6,400 bytes"),
        (riff((b"fmt ", HEADER), (b"data", b"")), "no samples"),
        (riff((b"data", b"1234")), "does not say how"),
        (riff((b"fmt ", b"\x11" + HEADER[1:]), (b"data", b"1234")), "IMA ADPCM.*ffmpeg"),
        (riff((b"fmt ", b"\x07" + HEADER[1:]), (b"data", b"1234")), "mu-law.*pcm_s16le"),
        (riff((b"fmt ", HEADER[:14] + b"\x0c\0"), (b"data", b"1234")), "12 bits, and 8, 16, 24"),
        (riff((b"fmt ", HEADER[:2] + b"\0\0" + HEADER[4:]), (b"data", b"12")), "0 channels"),
        (riff((b"fmt ", HEADER[:4] + bytes(4) + HEADER[8:]), (b"data", b"12")), "0 samples per"),
        (riff((b"fmt ", HEADER[:12] + b"\3\0" + HEADER[14:]), (b"data", b"12")), "contradicts"),
        (wav(np.array([0.1, np.nan]), 8000, 32, FLOAT), "NaN"),
    ],
)
def test_what_is_no_sound_is_named(data: bytes, why: str) -> None:
    with pytest.raises(BadSound, match=why):
        decode(data)


def test_files_of_a_pipe_do_not_know_their_length() -> None:
    whole = wav(SOUND)
    place = whole.index(b"data") + 4
    for size in (0x7FFFF000, 0xFFFFFFFF):
        streamed = whole[:place] + struct.pack("<I", size) + whole[place + 4 :]
        assert np.array_equal(decode(streamed).samples, decode(whole).samples)
    none = b"RIFF" + bytes(4) + whole[8:place] + bytes(4) + whole[place + 4 :]
    assert np.array_equal(decode(none).samples, decode(whole).samples)


def sound_of(values: object, rate: int = 16_000) -> Sound:
    return Sound(samples=np.asarray(values, np.float32), rate=rate, channels=1)


def test_short_sounds_are_padded_and_the_loudest_stretch_of_long_ones_is_kept() -> None:
    short = fitted_sound(sound_of([1, 2, 3]), 16_000, 8)
    assert short.tolist() == [0, 0, 1, 2, 3, 0, 0, 0]
    quiet, loud = np.full(3000, 0.01), np.full(1000, 0.5)
    kept = fitted_sound(sound_of([*quiet, *loud, *quiet]), 16_000, 1000)
    assert np.array_equal(kept, loud.astype(np.float32))


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_a_tone_stays_itself_at_another_rate(rate: int) -> None:
    pytest.importorskip("scipy")
    time = np.arange(2 * rate) / rate
    made = fitted_sound(sound_of(0.5 * np.sin(2 * np.pi * 1000 * time), rate), 16_000, 16_000)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(16_000)))
    assert spectrum.argmax() == 1000  # Hz, since the sound is a second long
    assert made.max() == pytest.approx(0.5, abs=0.01)
    aside = np.delete(spectrum, np.arange(980, 1021))
    assert aside.max() < 2e-3 * spectrum.max()

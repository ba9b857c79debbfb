"""Sounds of one recording in two splits are told, whatever they are stored as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sound_folders import wav

from zoo.data.near_copies import near_pairs
from zoo.data.readers.sound_files import decoded
from zoo.data.sound_outlines import CORRELATION, correlation_of, same_recording, sound_outline
from zoo.data.wav import open_wav

RATE = 16_000


def recording(seed: int) -> NDArray[np.float64]:
    """Three quarters of a second of gliding tones in noise, within silence: a word of its own."""
    random = np.random.default_rng(seed)
    time = np.arange(12_000) / RATE
    sound = random.normal(0, 0.004, len(time))
    for _ in range(6):
        begins, ends = random.uniform(150, 3300, 2)
        middle, width = random.uniform(0.1, 0.65), random.uniform(0.03, 0.15)
        phase = 2 * np.pi * np.cumsum(np.linspace(begins, ends, len(time))) / RATE
        sound += 0.12 * np.sin(phase) * np.exp(-(((time - middle) / width) ** 2))
    return np.pad(sound, 2000)


def every_second(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(sound, 1, 2))


def copies(sound: NDArray[np.float64]) -> dict[str, bytes]:
    noise = np.random.default_rng(99).normal(0, 0.03 * sound.std(), len(sound))
    return {
        "quieter": wav(0.3 * sound),
        "8 bits": wav(sound, bits=8),
        "half the rate": wav(every_second(sound), RATE // 2),
        "later": wav(np.concatenate([np.zeros(1500), sound])),
        "cut": wav(sound[1000:-1500]),
        "noisy": wav(sound + noise),
    }


def test_recordings_in_two_splits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    root, seed = tmp_path / "sounds", 0
    for split, count in (("train", 8), ("validation", 3), ("test", 3)):
        for label in ("yes", "no"):
            (root / split / label).mkdir(parents=True)
            for number in range(count):
                (root / split / label / f"{number}.wav").write_bytes(wav(recording(seed)))
                seed += 1
    assert not any("near copy" in note for note in open_wav(str(root)).notes)

    chosen = decoded(root / "train" / "no" / "2.wav").samples.astype(np.float64)
    for name, content in copies(chosen).items():
        (root / "test" / "yes" / f"{name}.wav").write_bytes(content)
    for _ in range(2):  # Compared, and remembered.
        (note,) = [note for note in open_wav(str(root)).notes if "near copy" in note]
        assert note.startswith("6 of 12 sounds in test have a near copy in train: ")
        assert "test/yes/8 bits.wav ≈ train/no/2.wav" in note
        assert note.endswith("keep what was recorded together in one split by group=")


def test_like_outlines_of_two_recordings_are_no_copies(tmp_path: Path) -> None:
    sound = recording(1)
    # The same tones and times, but other noise instead of tones: it sounds alike.
    random = np.random.default_rng(5)
    spectrum = np.fft.rfft(sound.reshape(-1, 500) * np.hanning(500), axis=1)
    turned = spectrum * np.exp(1j * random.uniform(0, 6.28, spectrum.shape))
    alike = np.fft.irfft(turned, 500, axis=1).ravel()
    (tmp_path / "a.wav").write_bytes(wav(sound))
    (tmp_path / "b.wav").write_bytes(wav(alike))
    assert not same_recording(tmp_path / "a.wav", tmp_path / "b.wav")
    assert same_recording(tmp_path / "a.wav", tmp_path / "a.wav")
    assert correlation_of(sound, -0.5 * sound) == pytest.approx(1.0)
    assert correlation_of(sound, 0 * sound) == 0.0


def test_silence_has_no_outline() -> None:
    for sound in (np.zeros(8000), np.full(8000, 0.5), np.zeros(3)):
        assert not any(sound_outline(sound, RATE))
    outlines = np.zeros((2, 256), np.int8)
    assert len(near_pairs(outlines, outlines, CORRELATION)) == 0

"""Log-mel energies and cepstral coefficients, against other implementations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sound_folders import tone

from zoo.common.errors import BadData, UsageError
from zoo.contracts import Dataset, SoundPreprocessing, Split
from zoo.contracts.checks import InvalidRecord
from zoo.data.preprocessing.inputs import kind_of
from zoo.data.preprocessing.sounds import Sounds, features

RECORDS = [
    SoundPreprocessing(),
    SoundPreprocessing(coefficients=10),
    SoundPreprocessing(rate=8000, samples=6000, frame=200, hop=90, bands=15, high=3800.0, low=60.0),
]


def by_scipy(samples: NDArray[np.float32], own: SoundPreprocessing) -> NDArray[np.float64]:
    """The same by SciPy's transforms, and bands by interpolation between their corners."""
    signal, fft = pytest.importorskip("scipy.signal"), pytest.importorskip("scipy.fft")
    window = signal.get_window("hann", own.frame)
    starts = range(0, len(samples) - own.frame + 1, own.hop)
    frames = np.stack([samples[s : s + own.frame] * window for s in starts])
    sizes = np.abs(fft.fft(frames, own.fft_length))[:, : own.fft_length // 2 + 1]
    bins = 2595 * np.log10(1 + np.arange(sizes.shape[1]) * own.rate / own.fft_length / 700)
    ends = 2595 * np.log10(1 + np.array([own.low, own.high]) / 700)
    corners = np.linspace(*ends, own.bands + 2)
    rows = [np.interp(bins, corners[n : n + 3], [0, 1, 0]) for n in range(own.bands)]
    weights = np.stack(rows, axis=1)
    weights[0] = 0
    values = np.log(sizes @ weights + own.floor)
    if own.coefficients:
        values = fft.dct(values, 2)[:, : own.coefficients] / np.sqrt(2 * own.bands)
    return np.asarray(values)[..., np.newaxis]


@pytest.mark.parametrize("own", RECORDS)
def test_values_are_those_of_scipy(own: SoundPreprocessing) -> None:
    samples = tone(700, own.rate, own.samples / own.rate).astype(np.float32)
    made = features(samples, own)
    assert made.shape == own.input_shape
    assert made.dtype == np.float32
    assert np.abs(made - by_scipy(samples, own)).max() < 1e-5
    other = replace(own, floor=2 * own.floor, high=own.high - 50)
    assert np.abs(features(samples, other) - by_scipy(samples, own)).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("own", RECORDS)
def test_values_are_those_of_tensorflow(own: SoundPreprocessing) -> None:
    tf = pytest.importorskip("tensorflow")
    samples = tone(700, own.rate, own.samples / own.rate).astype(np.float32)
    sizes = tf.abs(tf.signal.stft(samples, own.frame, own.hop))
    bins = own.fft_length // 2 + 1
    weights = tf.signal.linear_to_mel_weight_matrix(own.bands, bins, own.rate, own.low, own.high)
    values = tf.math.log(tf.matmul(sizes, weights) + own.floor)
    if own.coefficients:
        values = tf.signal.mfccs_from_log_mel_spectrograms(values)[:, : own.coefficients]
    assert np.abs(features(samples, own)[..., 0] - values.numpy()).max() < 1e-4


def test_a_tone_is_loudest_in_its_band_and_a_constant_is_silence() -> None:
    own = SoundPreprocessing()
    centres = [700 * (np.exp(centre / 1127) - 1) for _, centre, _ in own.band_edges()]
    loudest = features(tone(1000).astype(np.float32), own)[..., 0].argmax(axis=1)
    assert set(loudest.tolist()) == {int(np.abs(np.array(centres) - 1000).argmin())}
    constant = features(np.full(own.samples, 0.5, np.float32), own)
    assert np.isfinite(constant).all()
    assert features(np.zeros(own.samples, np.float32), own) == pytest.approx(np.log(1e-6))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"high": 9000.0}, "between 0 and 8000 Hz"),
        ({"low": 5000.0}, "low below high"),
        ({"frame": 20_000}, "longer than 16000 samples"),
        ({"floor": 0.0}, "floor must be > 0"),
        ({"coefficients": 41}, "no more coefficients than bands"),
        ({"bands": 200}, "holds no frequency"),
        ({"hop": 0}, "must be positive"),
        ({"mean": (1.0,), "std": (0.0,)}, "std must be > 0"),
    ],
)
def test_records_that_cannot_be_are_refused(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidRecord, match=why):
        replace(SoundPreprocessing(), **wrong)  # type: ignore[arg-type]


def split_of(*sounds: NDArray[np.float32]) -> Split:
    labels = np.zeros(len(sounds), np.int64)
    return Split(labels=labels, read=lambda index: sounds[index], content_hash="0")


def dataset_of(*sounds: NDArray[np.float32], rate: int) -> Dataset:
    splits = {name: split_of(*sounds) for name in ("train", "validation", "test")}
    return Dataset(name="d", classes=("a",), splits=splits, content_hash="0", rate=rate)


def test_sounds_that_do_not_fit_are_refused() -> None:
    kind = Sounds(SoundPreprocessing(mean=(-4.0,), std=(3.0,)))
    short, good = np.zeros(8000, np.float32), tone(500).astype(np.float32)
    with pytest.raises(UsageError, match=r"takes sounds of 1 s, the dataset has 0.5 s"):
        kind.read(split_of(short), 0)
    with pytest.raises(BadData, match="NaN"):
        kind.read(split_of(np.full(16_000, np.nan, np.float32)), 0)
    with pytest.raises(BadData, match="float64"):
        kind.read(split_of(good.astype(np.float64)), 0)
    with pytest.raises(UsageError, match=r"8,000 samples per second.*takes 16,000"):
        kind.check_names(dataset_of(good, rate=8000), "a network")
    kind.check_names(dataset_of(good, rate=16_000), "a network")
    values = kind.read(split_of(good), 0)[np.newaxis]
    assert kind.range_problem(values) == ""
    assert "those of the data are" in kind.range_problem(values + 100)


def test_the_picture_has_low_frequencies_at_the_bottom() -> None:
    own = SoundPreprocessing()
    for record in (own, replace(own, coefficients=10)):
        picture = kind_of(record).picture(tone(300).astype(np.float32))
        assert (picture.dtype, picture.shape) == (np.uint8, (40, 49))
        assert picture.mean(axis=1).argmax() > 30

"""Front ends as the first part of files: waveforms in, and the answers of the network behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sound_networks import OWN, SOUNDS, exported, network

from zoo.artifacts.gate import placement
from zoo.artifacts.normalization_in_file import NormalizationFinding, check_normalization
from zoo.contracts import SoundPreprocessing
from zoo.contracts.front_end import FRONT_END
from zoo.contracts.preprocessing import WaveformPreprocessing
from zoo.data.preprocessing import sounds
from zoo.data.preprocessing.inputs import kind_of
from zoo.data.preprocessing.waveforms import front_end_of
from zoo.registry import load_registry

for module in ("tensorflow", "tf2onnx", "onnxruntime", "ai_edge_litert"):
    pytest.importorskip(module)


def answers(path: Path, format: str, given: NDArray[Any], name: str) -> NDArray[Any]:
    if format == "onnx":
        from onnxruntime import InferenceSession

        session = InferenceSession(str(path))
        return np.concatenate([session.run(None, {name: one[None]})[0] for one in given])
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    return np.concatenate([run(**{name: one[None]})["probabilities"] for one in given])


def measured(
    path: Path,
    format: str,
    precision: str,
    own: SoundPreprocessing,
    given: NDArray[Any] = SOUNDS,
) -> NormalizationFinding:
    registry = load_registry()
    record = WaveformPreprocessing(rate=own.rate, samples=own.samples, network=own)
    exporter, kind = registry.exporters.get(format), registry.precision(precision)
    return check_normalization(exporter, path, record, kind, given)


@pytest.mark.parametrize(
    ("format", "precision"),
    [
        ("onnx", "int8"),
        pytest.param("tflite", "float32", marks=pytest.mark.slow),
        pytest.param("onnx", "float16", marks=pytest.mark.slow),
    ],
)
def test_a_file_with_a_front_end_answers_as_the_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, precision: str
) -> None:
    whole, bare = tmp_path / f"whole.{format}", tmp_path / f"bare.{format}"
    contents = exported(whole, format, precision, front_end_of(OWN))
    exported(bare, format, precision, None)
    found = answers(whole, format, SOUNDS, "waveform")
    values = kind_of(front_end_of(OWN).preprocessing).network_inputs(SOUNDS)
    assert np.abs(found - answers(bare, format, values, "sound")).max() < 1e-2
    assert len({*found.argmax(axis=1).tolist()}) > 1
    if precision == "float32":
        right = np.concatenate([np.asarray(network()(one[None])) for one in values])
        assert np.abs(found - right).max() < 1e-4

    (takes,) = contents.inputs
    assert (takes.name, takes.shape, takes.dtype) == ("waveform", (1, 4000), "float32")
    assert not contents.custom_operators
    assert not contents.dynamic_tensors
    kind = load_registry().precision(precision)
    kept = (FRONT_END,) if precision == "int8" else ()
    layers = (*kept, "normalize", "first", "second", "head", "shares")
    judged = placement(contents, kind, kept, layers)
    assert judged.passed, judged.reason
    if precision == "int8":
        assert "kept in float on purpose (front_end)" in judged.value
        assert not placement(contents, kind, (), layers[1:]).passed

    # What the network reads behind the front end is what the record says, and nothing else.
    in_file = measured(whole, format, precision, OWN)
    assert (in_file.kind, in_file.check.passed) == ("formula", True), in_file.check
    # Bands far from a pure tone hold roundings alone, which is no fault of the file.
    in_file = measured(whole, format, precision, OWN, PURE)
    assert (in_file.kind, in_file.check.passed) == ("formula", True), in_file.check
    for name, wrong in WRONG.items():
        for given in (SOUNDS, np.concatenate([PURE, SOUNDS])):
            other = measured(whole, format, precision, wrong, given)
            assert not other.check.passed, name
            assert "is not what the record says" in other.check.reason
    window, weights, cosines = sounds.tables(OWN)
    symmetric = np.hanning(len(window))
    monkeypatch.setattr(sounds, "tables", lambda own: (symmetric, weights, cosines))
    assert not measured(whole, format, precision, OWN).check.passed


#: Constants, and tones without noise: as they are, in 16 bits, cut off, at half of the rate.
_TIME = np.arange(4000) / 8000
_TONE = np.sin(2 * np.pi * 1000 * _TIME)
PURE = np.stack(
    [
        *(np.full(4000, level) for level in (1.0, -0.3)),
        _TONE,
        np.rint(32767 * np.sin(2 * np.pi * 3000 * _TIME)) / 32768,
        np.clip(3 * _TONE, -1, 1),
        np.cos(np.pi * np.arange(4000)),
    ]
).astype(np.float32)

#: Records that differ from what the file computes.
WRONG = {
    "bands end elsewhere": replace(OWN, high=3600.0),
    "bands begin elsewhere": replace(OWN, low=100.0),
    "another rate": replace(OWN, rate=16_000),
    "a larger floor": replace(OWN, floor=1e-3),
    "a longer frame": replace(OWN, frame=248),
    "another normalization": replace(OWN, mean=(0.0,), std=(1.0,)),
}


def test_the_record_of_waveforms_says_what_is_computed_inside() -> None:
    record = front_end_of(OWN).preprocessing
    assert record.describe()["input"] == "4,000 samples from -1 to 1, one channel, 8,000 a second"
    assert (record.of_network, record.sample_rate) == (OWN, 8000)
    assert kind_of(OWN).front_end() is not None

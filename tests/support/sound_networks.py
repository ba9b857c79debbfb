"""A network that hears sounds, as files with and without its front end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sound_folders import tone

from zoo.contracts import ExportRequest, FileContents, SoundPreprocessing
from zoo.contracts.front_end import FrontEnd
from zoo.contracts.outputs import CLASS_SCORES
from zoo.data.preprocessing import sounds
from zoo.registry import load_registry

CLASSES = ("low", "mid", "high")
OWN = SoundPreprocessing(
    rate=8000,
    samples=4000,
    frame=240,
    hop=160,
    bands=20,
    coefficients=8,
    mean=(-2.0,),
    std=(3.0,),
)
#: Tones in noise, silence, a click, speech's range of levels.
SOUNDS = np.stack(
    [
        *(tone(hertz, 8000, 0.5, seed) for seed, hertz in enumerate((300, 900, 2700, 1500, 600))),
        np.zeros(4000),
        np.eye(1, 4000, 2000)[0],
        tone(440, 8000, 0.5, 9) * np.linspace(0, 1, 4000) ** 4,
    ]
).astype(np.float32)


def network(own: SoundPreprocessing = OWN) -> Any:
    """Scores of three classes from raw values, which it normalizes."""
    import keras

    keras.utils.set_random_seed(1)
    layers, shape = keras.layers, own.input_shape
    given = keras.Input(shape, batch_size=1, name="sound")
    inner = layers.Rescaling(1 / own.std[0], -own.mean[0] / own.std[0], name="normalize")(given)
    inner = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="first")(inner)
    inner = layers.Conv2D(8, 3, padding="same", activation="relu", name="second")(inner)
    scores = layers.Dense(3, name="head")(layers.Flatten()(inner))
    return keras.Model(given, layers.Softmax(name="shares")(scores * 3))


def exported(path: Path, format: str, precision: str, front: FrontEnd | None) -> FileContents:
    exporter = load_registry().exporters.get(format)
    samples = np.stack([sounds.features(one, OWN) for one in SOUNDS])
    calibration = samples if precision == "int8" else None
    assert exporter.options is not None
    exporter.export(
        ExportRequest(
            model=network(),
            path=path,
            precision=precision,
            calibration=calibration,
            held_out=calibration,
            input_name="sound",
            output_names=("probabilities",),
            output_contents=(CLASS_SCORES,),
            integer_input=False,
            axes=("time", "frequency", "channel"),
            options=exporter.options()().model_dump(),
            name="words.test",
            task="audio-classification",
            classes=CLASSES,
            front_end=front,
        )
    )
    return exporter.inspect(path)

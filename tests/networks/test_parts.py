"""Networks that are cut into parts: they compute what the whole one does, or cannot be cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import ZooError
from zoo.contracts import ImagePreprocessing, Output
from zoo.networks.building import deployed_model, deployed_part
from zoo.tasks.classification import zoo_tasks

keras = pytest.importorskip("keras")

PIXELS = ImagePreprocessing(height=4, width=4, channels=1, mean=(0.5,), std=(0.25,))
PLAIN = next(iter(zoo_tasks()))
OUTPUTS = (
    Output(name="code", part="encoder"),
    Output(name="plan", part="planner"),
    Output(name="image", part="decoder"),
    Output(name="mask", part="decoder"),
)


class Task(type(PLAIN)):  # type: ignore[misc]
    """Leaves outputs as they are, but for the last one."""

    def activation(self, outputs: Any) -> Any:
        own = dict(outputs)
        if "mask" in own:
            own["mask"] = keras.layers.Activation("sigmoid")(own["mask"])
        return own


class Softened(Task):
    """Changes what the next part takes."""

    def activation(self, outputs: Any) -> Any:
        return {name: keras.layers.Softmax()(made) for name, made in outputs.items()}


TASK = Task(name="several", summary="…", outputs=OUTPUTS)


def network(around: bool = False) -> Any:
    """Three parts; with a connection that goes around the one in the middle, if asked for."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4, 4, 1))
    code = layers.Dense(5)(layers.Flatten()(inputs))
    plan = layers.Dense(6, activation="relu")(code)
    given = layers.Concatenate()([plan, code]) if around else plan
    image, mask = layers.Dense(7)(given), layers.Dense(3)(given)
    outputs = {"mask": mask, "code": code, "image": image, "plan": plan}
    return keras.Model(inputs, outputs, name="net")


def test_parts_one_after_the_other_are_the_whole() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1)).astype(np.float32)
    whole = deployed_model(network(), PIXELS, TASK, batch=None)(raw)
    given: Any = raw
    for part in TASK.parts:
        model = deployed_part(network(), PIXELS, TASK, part, batch=None)
        found = model(given)
        assert [*found] == [*part.outputs]
        for name, values in found.items():
            np.testing.assert_allclose(values, whole[name], rtol=1e-6)
        given = found[part.outputs[0]]
    assert float(np.abs(whole["mask"]).max()) < 1, "the activation is in the last part"


def test_what_is_exported_has_names_and_one_example() -> None:
    encoder, planner, decoder = (deployed_part(network(), PIXELS, TASK, p) for p in TASK.parts)
    assert encoder.input.shape == (1, 4, 4, 1)
    assert (planner.input.shape, planner.input.name) == ((1, 5), "code")
    assert [*decoder.output] == ["image", "mask"]
    assert [model.name for model in (encoder, planner, decoder)] == [
        *("net_encoder", "net_planner", "net_decoder")
    ]
    assert not any("dense_2" in layer.name for layer in encoder.layers)


def test_a_network_of_one_file_is_not_cut() -> None:
    inputs = keras.Input((4, 4, 1))
    plain = keras.Model(inputs, keras.layers.Dense(3, name="head")(keras.layers.Flatten()(inputs)))
    (part,) = PLAIN.parts
    model = deployed_part(plain, PIXELS, PLAIN, part)
    assert model.output.shape == (1, 3)


def test_a_connection_around_a_part() -> None:
    with pytest.raises(ZooError, match="cannot be cut into files: the decoder needs more than"):
        deployed_part(network(around=True), PIXELS, TASK, TASK.part("decoder"))


def test_an_activation_on_what_the_next_part_takes() -> None:
    softened = replace(Softened(name="several", summary="…", outputs=OUTPUTS))
    with pytest.raises(ZooError, match="changes 'code' behind the encoder"):
        deployed_part(network(), PIXELS, softened, softened.part("encoder"))
    # Behind the last part it may do what it likes.
    deployed_part(network(), PIXELS, softened, softened.part("decoder"))

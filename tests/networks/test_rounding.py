"""A code that is rounded between two files: by the network, and by whoever runs the files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.common.errors import ZooError
from zoo.contracts import ImagePreprocessing, PartPreprocessing
from zoo.data.preprocessing.steps import outputs_of

keras = pytest.importorskip("keras")

from zoo.networks.building import deployed_model, deployed_part  # noqa: E402
from zoo.networks.rounding import behind_rounding, error_weight_of, rounded  # noqa: E402
from zoo.tasks.image_compression import zoo_tasks  # noqa: E402
from zoo.tasks.image_compression.training import negative_log2_laplace, trainee  # noqa: E402

SIDE = 16
PATH = ImagePreprocessing(height=SIDE, width=SIDE, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


def network(*, rounds: bool = True) -> Any:
    from keras import layers

    given = keras.Input((SIDE, SIDE, 3))
    wide = keras.initializers.RandomNormal(stddev=0.6, seed=2)
    code = layers.Conv2D(4, 4, strides=4, kernel_initializer=wide)(given)
    taken = rounded(code, error_weight=0.02) if rounds else code
    picture = layers.Conv2DTranspose(3, 4, strides=4)(taken)
    return keras.Model(given, {"code": code, "picture": picture}, name="small")


@pytest.fixture(scope="module")
def made() -> Any:
    keras.utils.set_random_seed(0)
    return network()


@pytest.fixture(scope="module")
def pictures() -> Any:
    return np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3)).astype(np.uint8)


def test_the_decoder_of_rounded_numbers_is_the_network(made: Any, pictures: Any) -> None:
    (task,) = zoo_tasks()
    whole = deployed_model(made, PATH, task, batch=None)(pictures)
    encoder, decoder = (deployed_part(made, PATH, task, part, batch=None) for part in task.parts)
    code = np.asarray(encoder(pictures)["code"])
    assert np.abs(code - np.rint(code)).max() > 0.2  # the file itself does not round
    own = PartPreprocessing(
        shape=code.shape[1:],
        low=-9,
        high=9,
        before="encoder",
        output="code",
        whole_numbers=task.parts[1].takes_rounded,
    )

    def run(given: Any) -> Any:
        return np.asarray(decoder(given)["picture"])

    assert np.allclose(outputs_of(code, own, run), whole["picture"], atol=1e-5)
    assert not np.allclose(run(code), whole["picture"], atol=1e-3)
    assert "whole numbers" in own.describe()["input"]


def test_a_network_that_does_not_round_is_refused(made: Any) -> None:
    assert behind_rounding(made.output["code"]) is not made.output["code"]
    assert error_weight_of(made) == pytest.approx(0.02)
    (task,) = zoo_tasks()
    plain = network(rounds=False)
    with pytest.raises(ZooError, match="takes it as it is"):
        deployed_part(plain, PATH, task, task.parts[1])
    with pytest.raises(ZooError, match="0 times"):
        error_weight_of(plain)


def test_what_is_trained_costs_bits_and_errors(made: Any, pictures: Any) -> None:
    costs = np.asarray(trainee(made, PATH)(pictures, training=False))
    shown = np.asarray(made(pictures / 255.0)["picture"])
    errors = ((255.0 * shown - pictures) ** 2).mean(axis=(1, 2, 3))
    assert np.allclose(costs[:, 1], errors, rtol=1e-4)
    assert np.allclose(costs[:, 0], costs[:, 2] + 0.02 * errors, rtol=1e-4)
    # Bits of the likeliest Laplace distribution are near those of counting.
    code = np.rint(np.asarray(made(pictures / 255.0)["code"]))
    bits = 0.0
    for channel in range(4):
        counts = np.unique(code[..., channel], return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    spent = float(costs[:, 2].sum()) * SIDE**2
    assert 0.9 * bits < spent < 2 * bits


@pytest.mark.parametrize("scale", [0.05, 0.4, 3.0, 30.0])
def test_probabilities_of_all_whole_numbers_add_up(scale: float) -> None:
    values = np.arange(-600, 601, dtype=np.float32)
    bits = np.asarray(negative_log2_laplace(values, scale))
    assert np.isfinite(bits).all()
    assert (2.0 ** -bits.astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-4)
    assert (np.diff(bits[600:]) > 0).all()

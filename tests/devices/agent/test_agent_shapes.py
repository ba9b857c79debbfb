"""Sizes that a file leaves open, set by a request, in each runtime; and inputs without a batch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from free_sizes import WEIGHTS, image_reader, resizable_tflite, state_keeper, token_reader

from zoo.devices.local.host import HostTransport
from zoo.devices.local.transport import MODULES
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession

RANDOM = np.random.default_rng(3)
SHORT = {"min_runs": 2, "min_seconds": 0.0, "max_seconds": 1.0, "warmup_seconds": 0.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("free")
    (folder / "net.tflite").write_bytes(resizable_tflite())
    return {
        "image": image_reader(folder / "image.onnx"),
        "state": state_keeper(folder / "state.onnx"),
        "ids": token_reader(folder / "ids.onnx"),
        "net": folder / "net.tflite",
    }


def right(images: np.ndarray) -> np.ndarray:
    """What the convolution and its mean answer, (n, 4), of images with channels first."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    high, wide = images.shape[2:]
    parts = [
        np.einsum("nchw,oc->nohw", padded[:, :, i : i + high, j : j + wide], WEIGHTS[:, :, i, j])
        for i in range(3)
        for j in range(3)
    ]
    return np.maximum(sum(parts), 0).mean((2, 3))


@pytest.mark.parametrize(
    ("runtime", "name"),
    [("onnxruntime", "image"), ("openvino", "image"), ("litert", "net"), ("openvino", "net")],
)
def test_open_sizes_are_set(files: dict[str, Path], runtime: str, name: str) -> None:
    if importlib.util.find_spec(MODULES[runtime]) is None:
        pytest.skip(f"{runtime} is not installed")
    images = RANDOM.random((1, 3, 9, 7), dtype=np.float32)
    given = images if name == "image" else images.transpose(0, 2, 3, 1)
    with AgentSession(HostTransport(), runtime) as session:
        session.load(files[name])
        with pytest.raises(AgentRefused, match="has a free size"):
            session.bench(**SHORT)
        loaded = session.load(files[name], shapes=[given.shape], purpose="timing")
        assert loaded.inputs[0].shape == given.shape
        assert np.allclose(session.run(given), right(images), atol=1e-5)
        assert len(session.bench(**SHORT).samples) >= 2
        assert session.profile(0.1).operators
        for wrong in ([[1, 3, 9]], [given.shape, given.shape], [[1, 9, 9, 9]]):
            with pytest.raises(AgentRefused, match=r"takes|shapes for"):
                session.load(files[name], shapes=wrong)


def test_runtimes_that_cannot_say_so(files: dict[str, Path]) -> None:
    if importlib.util.find_spec(MODULES["tflite-micro"]) is None:
        pytest.skip("tflite-micro is not installed")
    with (
        AgentSession(HostTransport(), "tflite-micro") as session,
        pytest.raises(AgentRefused, match="cannot set the sizes") as caught,
    ):
        session.load(files["net"], shapes=[[1, 9, 7, 3]])
    assert "--runtime" in str(caught.value.fix)


def test_a_state_has_no_batch_in_common(files: dict[str, Path]) -> None:
    with AgentSession(HostTransport(), "onnxruntime") as session:
        loaded = session.load(files["state"], shapes=[[1, 4], [2, 1, 4]])
        assert not loaded.batched
        x = RANDOM.random((5, 1, 4), dtype=np.float32)
        h = RANDOM.random((5, 2, 1, 4), dtype=np.float32)
        y, hn = session.run_all([x, h])
        assert np.allclose(hn, np.tanh(x[:, None] + h), atol=1e-6)
        assert np.allclose(y, hn.mean((1, 3)), atol=1e-6)
        assert session.bench(**SHORT, inputs=[x[:1], h[:1]]).inputs == {"source": "supplied"}
        assert len(session.bench(**SHORT).samples) >= 2
        with pytest.raises(AgentRefused, match="input h takes"):
            session.run_all([x, h[:, :1]])


def test_indices_are_of_the_table(files: dict[str, Path]) -> None:
    from zoo.devices.agent.zoo_agent.running import seeded_inputs
    from zoo.devices.agent.zoo_agent.runtimes.base import Model

    model = Model()
    tensor = {"name": "ids", "shape": [None, 99], "dtype": "int64", "scale": None}
    model.inputs, model.asked = [tensor, {**tensor, "dtype": "bool"}], 4
    ids, flags = seeded_inputs(model, 0, 0.0, 1.0, [50, None])
    assert (ids.shape, ids.min(), ids.max()) == ((4, 99), 0, 49)
    assert set(flags.ravel().tolist()) == {False, True}
    assert not seeded_inputs(model, 0, 0.0, 1.0)[0].any()  # zero is valid wherever nothing is known
    with AgentSession(HostTransport(), "onnxruntime") as session:
        session.load(files["ids"])
        assert session.bench(**SHORT, limits=[50]).inputs["limits"] == [50]

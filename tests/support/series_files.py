"""ONNX files of one random layer over series, rows, sounds and texts, with golden inputs."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artifacts.artifact import DatasetReference, Manifest, embed, open_artifact
from zoo.artifacts.golden_samples import Golden, GoldenArrays, make_golden
from zoo.contracts import (
    Preprocessing,
    SeriesPreprocessing,
    SoundPreprocessing,
    TokenPreprocessing,
)
from zoo.registry import load_registry


@dataclass(frozen=True)
class Layer:
    """What a file is made of."""

    task: str
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    dataset: str
    softmax: bool = True
    readings: dict[str, str] = field(default_factory=dict)
    decoding: dict[str, float | str] = field(default_factory=dict)


SERIES = Layer(
    "sequence-classification",
    SeriesPreprocessing(
        steps=4, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3, names=("x", "y", "z y")
    ),
    ("rest", "walk", "run"),
    "csv:moves?label=move",
)
REGRESSION = Layer(
    "regression",
    SeriesPreprocessing(steps=1, channels=2, mean=(0.0,) * 2, std=(1.0,) * 2, names=("a", "b")),
    ("power", "heat"),
    "csv:rows?target=power,heat",
    softmax=False,
)
SOUND = Layer(
    "sequence-classification",
    SoundPreprocessing(
        rate=8000, samples=2000, frame=200, hop=100, bands=8, mean=(0.0,), std=(1.0,)
    ),
    ("yes", "no"),
    "folder:words",
)

TEXT = Layer(
    "sequence-classification",
    TokenPreprocessing(length=8, vocabulary=("good", "bad", "film"), size=5),
    ("good", "bad"),
    "folder:reviews",
)


def onnx_file(path: Path, made: Layer, off: float = 0.0) -> Path:
    """The file; its golden outputs are `off` from what it gives."""
    from onnx import TensorProto, helper, numpy_helper

    shape, count = made.preprocessing.input_shape, len(made.classes)
    random = np.random.default_rng(count)
    size, whole = int(np.prod(shape)), made.preprocessing.dtype == "int32"
    weights = random.normal(0, 1 / np.sqrt(size), (size, count)).astype(np.float32)
    last = helper.make_node("Softmax" if made.softmax else "Identity", ["raw"], ["given"])
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [made.preprocessing.input_name], ["real"], to=1),
            helper.make_node("Flatten", ["real"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["raw"]),
            last,
        ],
        "layer",
        [
            helper.make_tensor_value_info(
                made.preprocessing.input_name,
                TensorProto.INT32 if whole else TensorProto.FLOAT,
                [1, *shape],
            )
        ],
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, [1, count])],
        [numpy_helper.from_array(weights, "weights")],
    )
    inputs = random.normal(0, 1, (3, *shape)).astype(np.float32)
    if whole:
        inputs = random.integers(0, 5, (3, *shape)).astype(np.int32)
    return proven_file(path, made, graph, inputs, off)


def proven_file(path: Path, made: Layer, graph: Any, inputs: np.ndarray, off: float = 0.0) -> Path:
    """The file of a graph with a manifest, and with golden inputs, which are raw."""
    import onnxruntime
    from onnx import helper, save

    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    session = onnxruntime.InferenceSession(path)
    taken = inputs if inputs.dtype == np.int32 else inputs.astype(np.float32)
    outputs = np.concatenate(
        [session.run(None, {made.preprocessing.input_name: one[None]})[0] for one in taken]
    )
    golden, beside = make_golden(
        Golden(
            dataset="made/test",
            examples=(0, 1, 2),
            runtime="onnxruntime",
            runtime_version=onnxruntime.__version__,
            processor="any",
            max_abs=1e-4,
            tolerance="float32",
        ),
        GoldenArrays(inputs=inputs, outputs=outputs + np.float32(off)),
        path.name,
    )
    assert beside is None
    artifact = open_artifact(load_registry(), path)
    manifest = Manifest(
        model_id=f"layer.{path.name.partition('.')[0]}",
        architecture="layer",
        task=made.task,
        format=artifact.exporter.name,
        precision="float32",
        licence="CC0-1.0",
        classes=made.classes,
        weights_sha256="0" * 64,
        dataset=DatasetReference(name=made.dataset, content_hash="0" * 64),
        calibration=None,
        preprocessing=made.preprocessing,
        inputs=artifact.contents.inputs,
        outputs=artifact.contents.outputs,
        payload_sha256=artifact.contents.payload_sha256,
        target="arm64",
        golden=golden,
        readings=made.readings or ({} if made.softmax else {"given": "targets"}),
        decoding=made.decoding,
    )
    embed(artifact.exporter, path, manifest)
    return path


def rows_of_table(made: Layer, rows: int) -> str:
    """A table with its columns in another order, a quoted one, and one that is not read."""
    names = made.preprocessing.names  # type: ignore[attr-defined]
    random = np.random.default_rng(rows)
    lines = [",".join(f'"{name}"' for name in reversed(names))]
    lines += [
        ",".join(f"{value:.7g}" for value in random.normal(0, 1, len(names))) for _ in range(rows)
    ]
    return "\n".join(lines) + "\n"


def written_sound(path: Path, made: Layer) -> Path:
    """Two tones, longer than the network takes."""
    own = made.preprocessing
    assert isinstance(own, SoundPreprocessing)
    at = np.arange(3 * own.samples) / own.rate
    loud = np.where(at > 0.4, 0.6, 0.1)
    samples = loud * np.sin(2 * np.pi * 440 * at) + 0.1 * np.sin(2 * np.pi * 1200 * at)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, own.rate, len(at), "NONE", ""))
        sound.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return path

"""Of each task, `zoo.predict` answers the examples of a dataset as `zoo.evaluate` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.artifacts.artifact import DatasetReference, Manifest, embed
from zoo.contracts import Dataset, ImagePreprocessing, Preprocessing, Task, TokenPreprocessing
from zoo.contracts.preprocessing import SeriesPreprocessing
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import fitted, read_inputs, truth_of
from zoo.data.samples.reading import read_samples
from zoo.execution.runner import FileOutputs, evaluation_of
from zoo.registry import load_registry
from zoo.results.predictions import Predictions

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
RANDOM = np.random.default_rng(0)
STATE = RANDOM.bit_generator.state


@dataclass(frozen=True)
class Case:
    """A task with data that a user has as files.

    Attributes:
        data: Makes the files; returns the dataset's name.
        given: What holds the same examples, for `zoo.predict`.
        own: How the network reads them, before it is fitted.
        last: Operator behind the sums; empty for none.
    """

    task: str
    data: Callable[[], str]
    given: str
    own: Preprocessing
    last: str


def photographs() -> str:
    for number in range(60):
        path = Path("photos") / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = RANDOM.integers(0, 256, (9 + number % 5, 11, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return "folder:photos"


def pictures(name: str, y: np.ndarray) -> str:
    pixels = RANDOM.integers(0, 256, (len(y), 8, 8), dtype=np.uint8)
    np.savez("pictures.npz", **{"x": pixels, "y": y, name: np.array(["one", "zwei, drei"])})
    return "npz:pictures.npz"


def labelled() -> str:
    return pictures("labels", RANDOM.random((80, 2)) < 0.5)


def measured() -> str:
    return pictures("targets", RANDOM.normal(size=(80, 2)) * (1, 1000))


def table(*rows: str) -> None:
    Path("rows.csv").write_text("\n".join(rows), encoding="utf-8")


def recordings() -> str:
    values = RANDOM.normal(size=(400, 2))
    rows = [f"{x:.4f},{y:.4f},{'ab'[n // 10 % 2]}" for n, (x, y) in enumerate(values)]
    table("x,y,label", *rows)
    return "csv:rows.csv?window=5"


def columns() -> str:
    values = RANDOM.normal(size=(90, 4))
    table("price,size,rooms,rent", *(",".join(f"{cell:.4f}" for cell in row) for row in values))
    return "csv:rows.csv?target=price,rent"


def sentences() -> list[list[str]]:
    words = np.array(["Rome", "is", "a", "Stadt", "of", "unknown", "naïve", "hills", "."])
    return [words[RANDOM.integers(0, 9, 2 + n % 9)].tolist() for n in range(90)]


def texts() -> str:
    rows = [f"{' '.join(words)} {n},{'ab'[n % 2]}" for n, words in enumerate(sentences())]
    table("text,label", *rows)
    return "text:rows.csv"


def tags() -> str:
    found = [*dict.fromkeys(map(tuple, sentences()))]
    tagged = ["\n".join(f"{w} {'NAME' if w[0].isupper() else 'O'}" for w in own) for own in found]
    Path("tags.conll").write_text("\n\n".join(tagged) + "\n", encoding="utf-8")
    Path("sentences").mkdir()
    for number, words in enumerate(found):
        Path(f"sentences/{number}.txt").write_text(" ".join(words), encoding="utf-8")
    return "conll:tags.conll"


GREY = ImagePreprocessing(height=6, width=6, channels=1)
SERIES = SeriesPreprocessing(steps=1, channels=1)
WORDS = TokenPreprocessing(length=7, size=9)
CASES = [
    Case("image-classification", photographs, "photos", GREY, "Softmax"),
    Case("multi-label", labelled, "pictures.npz", GREY, "Sigmoid"),
    Case("regression", measured, "pictures.npz", GREY, ""),
    Case("regression", columns, "rows.csv", SERIES, ""),
    Case("sequence-classification", recordings, "rows.csv", SERIES, "Softmax"),
    Case("sequence-classification", texts, "rows.csv", WORDS, "Softmax"),
    Case("sequence-tagging", tags, "sentences", WORDS, "Softmax"),
]


def network(path: Path, own: Preprocessing, outputs: tuple[int, ...], last: str) -> None:
    """Random sums of the inputs: no two examples are answered alike."""
    helper, kinds = onnx.helper, onnx.TensorProto
    kind = kinds.INT32 if own.graph_dtype == "int32" else kinds.FLOAT
    size = int(np.prod(own.input_shape)), int(np.prod(outputs))
    low, high = own.value_range
    weights = (RANDOM.normal(size=size) / (high - low)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["given"], ["real"], to=kinds.FLOAT),
        helper.make_node("Sub", ["real", "middle"], ["centred"]),
        helper.make_node("Flatten", ["centred"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
        helper.make_node("Reshape", ["sums", "shape"], ["scores"]),
        helper.make_node(last or "Identity", ["scores"], ["answers"]),
    ]
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("given", kind, [1, *own.input_shape])],
        [helper.make_tensor_value_info("answers", kinds.FLOAT, [1, *outputs])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.float32((low + high) / 2), "middle"),
            onnx.numpy_helper.from_array(np.array([1, *outputs]), "shape"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))


def as_file(case: Case, data: str, dataset: Dataset, own: Preprocessing, task: Task) -> Path:
    path, exporter = Path("net.onnx"), load_registry().exporters.get("onnx")
    outputs = (*own.input_shape * task.stepwise, len(dataset.classes))
    network(path, own, outputs, case.last)
    contents = exporter.inspect(path)
    manifest = Manifest(
        model_id="net.data",
        architecture="net",
        task=case.task,
        format="onnx",
        precision="float32",
        licence="unknown",
        classes=dataset.classes,
        weights_sha256="0" * 64,
        dataset=DatasetReference(name=data, content_hash=dataset.content_hash),
        calibration=None,
        preprocessing=own,
        inputs=contents.inputs,
        outputs=contents.outputs,
        payload_sha256=contents.payload_sha256,
    )
    embed(exporter, path, manifest)
    return path


def outputs_of(found: Predictions, names: tuple[str, ...], steps: int) -> dict[bytes, Any]:
    """What was answered, as outputs of a network again, by the inputs that it took."""
    samples = [one.sample for one in found.examples]
    inputs, _, unread = read_samples(samples, found.preprocessing, range(len(samples)))
    assert unread == []
    made = {}
    for one, taken in zip(found.examples, inputs, strict=True):
        values = {score.name: score.value for score in one.output.scores}
        own = np.array([values.get(name, 0.0) for name in names], np.float32)
        if one.output.steps:
            own = np.zeros((steps, len(names)), np.float32)
            for place, step in enumerate(one.output.steps):
                own[place, names.index(step.answer)] = step.confidence
        made[taken.tobytes()] = own
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.task}-{case.data.__name__}")
def test_answers_are_those_that_are_evaluated(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RANDOM.bit_generator.state = STATE  # the same examples in any order of the tests
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    registry = load_registry()
    data, task = case.data(), registry.tasks.get(case.task)
    dataset = open_dataset(registry, data)
    own = fitted(case.own, dataset)
    file = as_file(case, data, dataset, own, task)
    evaluated = zoo.evaluate(file, registry=registry)
    found = zoo.predict(file, case.given, top=len(dataset.classes), registry=registry)
    assert not found.failed
    made = outputs_of(found, dataset.classes, own.input_shape[0])
    test = dataset.splits["test"]
    outputs = np.stack([made[one.tobytes()] for one in read_inputs(test, own, range(len(test)))])
    answered = FileOutputs(
        outputs=outputs, runtime="onnxruntime", runtime_version="", processor="", seconds=0.0
    )
    truth = truth_of(dataset, "test", own)
    again = evaluation_of(task, file.name, dataset, "test", truth, answered)
    assert evaluated.metrics[0] == again.metrics[0]
    if not task.stepwise:  # steps keep the probability of their answer alone
        assert evaluated.metrics == again.metrics
    rolled = replace(answered, outputs=np.roll(outputs, 1, axis=0))  # another example's answers
    wrong = evaluation_of(task, file.name, dataset, "test", truth, rolled)
    assert (evaluated.metrics, evaluated.details) != (wrong.metrics, wrong.details)

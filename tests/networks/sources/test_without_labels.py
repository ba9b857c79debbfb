"""Foreign networks and samples without labels: what is refused before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, Unsupported, UsageError, ZooError
from zoo.contracts import ForeignTensor
from zoo.contracts.preprocessing import TensorPreprocessing
from zoo.contracts.preprocessing.stored import StoredPreprocessing
from zoo.data.opening import data_for_task, open_dataset, tasks_of
from zoo.data.preprocessing.inputs import read_inputs
from zoo.networks.building import deployed_model
from zoo.networks.sources.comparing import compared, compared_further
from zoo.networks.sources.references import Opening
from zoo.networks.sources.tensors import (
    as_given,
    named_network,
    preprocessing_of,
    without_labels,
)
from zoo.registry import load_registry

REGISTRY = load_registry()
SAMPLES = np.random.default_rng(0).normal(size=(40, 3, 4)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Doubling:
    """A network that answers twice its input as ``y``, and the input's sum as ``s``."""

    inputs: tuple[ForeignTensor, ...] = (
        ForeignTensor(name="x", dtype="float32", shape=(None, 3, 4)),
    )
    outputs: tuple[ForeignTensor, ...] = (
        ForeignTensor(name="y", dtype="float32", shape=(None, 3, 4)),
        ForeignTensor(name="s", dtype="float32", shape=(None,)),
    )
    in_half: bool = False
    random: float = 0.0
    model: Any = None

    @property
    def as_given(self) -> Doubling:
        return self

    def with_shape(self, shape: tuple[int, ...]) -> Doubling:
        return self

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> Doubling:
        return self

    def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        x = inputs["x"]
        noise = self.random * np.random.default_rng().normal(size=x.shape)
        return {"y": 2 * x + noise, "s": x.sum((1, 2))}


def samples(folder: Path, **arrays: Any) -> Any:
    np.savez(folder / "samples.npz", **arrays)
    name = data_for_task(REGISTRY, f"npz:{folder / 'samples.npz'}", "tensors")
    assert tasks_of(REGISTRY, name) == ("tensors",)
    return open_dataset(REGISTRY, name)


def test_samples_are_numbers_as_they_are(tmp_path: Path) -> None:
    from pydantic import TypeAdapter

    other = np.arange(40)
    data = samples(tmp_path, x=SAMPLES, other=other)
    record = preprocessing_of(Doubling().inputs, data, "net.onnx")
    train = read_inputs(data.splits["train"], record)
    assert (record.name, record.called, record.shape) == ("x", "x", (3, 4))
    assert record.value_range == (float(train.min()), float(train.max()))
    assert record.normalization is None
    everything = np.concatenate([read_inputs(s, record) for s in data.splits.values()])
    assert sorted(everything[:, 0, 0]) == sorted(SAMPLES[:, 0, 0])
    stored = TypeAdapter(StoredPreprocessing)
    assert stored.validate_json(stored.dump_json(record)) == record
    alone = samples(tmp_path, whatever=SAMPLES)  # a single array may have any name
    assert preprocessing_of(Doubling().inputs, alone, "net.onnx").shape == (3, 4)


def test_several_inputs_are_one_record(tmp_path: Path) -> None:
    from pydantic import TypeAdapter

    x = ForeignTensor(name="x", dtype="float32", shape=(None, None, 4))
    ids = ForeignTensor(name="ids", dtype="int64", shape=(1, 2))
    rows = np.arange(80).reshape(40, 2)
    data = samples(tmp_path, ids=rows, x=SAMPLES, other=rows)
    record = preprocessing_of((x, ids), data, "net.onnx")
    assert [one.called for one in record.parts] == ["x", "ids"]
    assert [one.dtype for one in record.parts] == ["float32", "int64"]
    train = read_inputs(data.splits["train"], record)
    assert train.dtype == np.dtype([("x", "f4", (3, 4)), ("ids", "i8", (2,))])
    assert record.parts[1].value_range == (float(train["ids"].min()), float(train["ids"].max()))
    assert record.value_range == record.parts[0].value_range  # of real numbers
    stored = TypeAdapter(StoredPreprocessing)
    assert stored.validate_json(stored.dump_json(record)) == record
    for arrays, what in (
        ({"x": SAMPLES}, "has one array, and net.onnx takes 2 inputs"),
        ({"x": SAMPLES, "idx": rows}, "no array for the input ids"),
        ({"x": SAMPLES, "ids": rows + 0.5}, "are not all int64: there is 0.5"),
    ):
        with pytest.raises(BadData, match=what):
            preprocessing_of((x, ids), samples(tmp_path, **arrays), "net.onnx")


def test_other_data_keep_their_kind() -> None:
    assert data_for_task(REGISTRY, "digits", "tensors") == "digits"
    assert data_for_task(REGISTRY, "folder:x", "tensors") == "folder:x"


def test_samples_that_do_not_fit(tmp_path: Path) -> None:
    free = ForeignTensor(name="x", dtype="float32", shape=(None, None, 4))
    fits = preprocessing_of((free,), samples(tmp_path, x=SAMPLES), "net.onnx")
    assert fits.shape == (3, 4)
    for array in (SAMPLES[..., :3], SAMPLES[:, 0], SAMPLES[:, None]):
        with pytest.raises(UsageError, match="takes x of 3×4"):
            preprocessing_of(Doubling().inputs, samples(tmp_path, x=array), "net.onnx")
    empty = (replace(free, shape=(None, 0, 4)),)
    with pytest.raises(BadData, match="are empty: their shape is 0×4"):
        preprocessing_of(empty, samples(tmp_path, x=SAMPLES[:, :0], y=SAMPLES), "net.onnx")
    with pytest.raises(BadData, match="no array for the input x"):
        preprocessing_of(Doubling().inputs, samples(tmp_path, a=SAMPLES, b=SAMPLES), "net.onnx")
    with pytest.raises(BadData, match="3 are the fewest"):
        samples(tmp_path, x=np.tile(SAMPLES[:2], (30, 1, 1)))  # each thirty times


def test_networks_that_cannot_be_brought_in() -> None:
    x = Doubling().inputs[0]
    for inputs, what in (
        ((x, replace(x, name="z", shape=(2, 3))), "takes z of 2×3: its first side is no batch"),
        ((replace(x, dtype="complex64"),), "takes x of complex64"),
        ((replace(x, dtype="object"),), "takes x of text"),
        ((replace(x, name="t", shape=()),), "takes t, a single number: it has no batch"),
        ((x, replace(x, name="t", shape=())), "takes t, a single number: it has no batch"),
    ):
        with pytest.raises(Unsupported, match=what):
            as_given(Doubling(inputs=inputs), "net.onnx")  # type: ignore[arg-type]
    plain: Any = object()
    with pytest.raises(Unsupported, match="cannot be brought in without labels"):
        as_given(plain, "net.onnx")
    record = TensorPreprocessing(name="x", shape=(3, 4), low=0.0, high=1.0)
    for names in ("yy", "xs"):
        outputs = tuple(
            replace(one, name=n) for one, n in zip(Doubling().outputs, names, strict=True)
        )
        with pytest.raises(Unsupported, match="calls two of its inputs and outputs"):
            named_network(Doubling(outputs=outputs), record, "net.onnx")
    keras = pytest.importorskip("keras")
    given = keras.Input((3, 4))
    passing = named_network(Doubling(model=keras.Model(given, [given * 2, given])), record, "n")
    files_of = deployed_model(passing, record, REGISTRY.tasks.get("tensors"))
    assert set(files_of.output) == {"y", "s"}
    model = keras.Model(given, [given * 2, given[:, :0]])
    with pytest.raises(Unsupported, match="its output s has no numbers: its shape is 0×4"):
        named_network(Doubling(model=model), record, "net.onnx")


def test_the_conversion_is_compared_output_by_output(tmp_path: Path) -> None:
    data = samples(tmp_path, x=SAMPLES)
    record = preprocessing_of(Doubling().inputs, data, "net.onnx")

    def made(factor: float, shift: float) -> Any:
        return lambda x, training: {"y": factor * x, "s": x.sum((1, 2)) + shift}

    assert "apart at most" in compared(Doubling(), made(2.0, 0.0), data, record, "net.onnx")
    for wrong, name in ((made(2.001, 0.0), "y"), (made(2.0, 0.01), "s")):
        with pytest.raises(ZooError, match="outputs differ from the original") as caught:
            compared(Doubling(), wrong, data, record, "net.onnx")
        assert f"samples {name} differs" in str(caught.value.why)
    with pytest.raises(ZooError, match="differently each time"):
        compared(Doubling(random=0.1), made(2.0, 0.0), data, record, "net.onnx")
    keras = pytest.importorskip("keras")
    given = keras.Input((3, 4))
    for factor, what, fix in ((2.0, "\\n", "check the samples"), (np.nan, ": 1 of", "anew")):
        model = keras.Model(given, {"y": factor * given, "s": keras.ops.sum(given, (1, 2))})
        with pytest.raises(ZooError, match=f"NaN or infinity{what}") as caught:
            compared(Doubling(random=np.inf), model, data, record, "net.onnx")
        assert fix in str(caught.value.fix)


@pytest.mark.parametrize("further", [False, True])
def test_single_values_may_be_rounded_further_and_no_more(tmp_path: Path, further: bool) -> None:
    """As in masks of 256×256 pixels; both at the size of the samples and at further ones."""
    large = np.random.default_rng(0).normal(size=(40, 64, 64)).astype(np.float32)
    data = samples(tmp_path, x=large)
    given = tuple(replace(one, shape=(None, 64, 64)) for one in Doubling().inputs)
    network = Doubling(inputs=given)
    record = preprocessing_of(given, data, "net.onnx")

    def judged(share: float, pixels: int) -> str:
        def model(x: Any, training: bool) -> Any:
            y = 2 * x
            y[0, 0, :pixels] += share * 2 * np.abs(large).max()
            return {"y": y, "s": x.sum((1, 2))}

        if not further:
            return compared(network, model, data, record, "net.onnx")
        free = {"x": ("n", "", "")}
        return compared_further(lambda _: network, model, data, record, free, "net.onnx")

    assert "apart at most" in judged(1.3e-4, 1)
    for share, pixels in ((1.3e-4, 64), (2e-3, 1), (np.nan, 1)):
        with pytest.raises(ZooError, match="the converted network"):
            judged(share, pixels)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"trained": True}, "cannot be trained on samples without labels"),
        ({"input": "rgb"}, "--input says what labelled examples are"),
        ({"classes": "names.txt"}, "--classes says what labelled examples are"),
    ],
)
def test_what_labels_are_for_is_refused(tmp_path: Path, said: Any, what: str) -> None:
    opener = REGISTRY.sources.get("onnx")
    how = Opening(data="npz:samples.npz", **said)
    with pytest.raises(UsageError, match=what):
        without_labels(
            opener, "net.onnx", "", how, tmp_path / "net", samples(tmp_path, x=SAMPLES), "tensors"
        )


def test_few_samples_are_for_timing_alone(tmp_path: Path) -> None:
    few = samples(tmp_path, x=np.tile(SAMPLES[:30], (3, 1, 1)))  # each three times
    opener, how = REGISTRY.sources.get("onnx"), Opening(data="npz:samples.npz")
    with pytest.raises(BadData, match="30 different samples, and 32 are the fewest"):
        without_labels(opener, "net.onnx", "", how, tmp_path / "net", few, "tensors")

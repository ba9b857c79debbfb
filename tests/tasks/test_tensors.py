"""Networks without labels: what a file may differ by, and wrong files that are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_sizes import detector
from makers import contents

from zoo.artifacts.closeness import compare, parity
from zoo.artifacts.gate import own_names, require_inputs
from zoo.common.errors import UsageError, ZooError
from zoo.common.named_arrays import joined
from zoo.contracts import TensorInfo
from zoo.contracts.precision import precision_named
from zoo.registry import load_registry

runtime = pytest.importorskip("onnxruntime")
TASK = load_registry().tasks.get("tensors")
IMAGES = np.random.default_rng(3).random((32, 3, 16, 16), dtype=np.float32)
FLOAT, INT8, HALF = (precision_named(name) for name in ("float32", "int8", "float16"))


def answers(path: Path) -> Any:
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return joined(dict(zip(names, session.run(None, {"images": IMAGES}), strict=True)))


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return answers(detector(tmp_path_factory.mktemp("net") / "net.onnx"))


def noisy(right: Any, decibels: float) -> Any:
    """The answers with white noise so many decibels below their spread."""
    made, random = right.copy(), np.random.default_rng(0)
    for name in right.dtype.names:
        own = right[name]
        spread = (own - own.mean(0)).std() * 10 ** (-decibels / 20)
        made[name] = own + random.normal(size=own.shape).astype(np.float32) * spread
    return made


def test_each_output_is_judged_by_its_own_noise(right: Any) -> None:
    found = compare(TASK, right, noisy(right, 30.0))
    assert {name: round(one.sqnr_db or 0) for name, one in found.outputs.items()} == {
        "boxes": 30,
        "scores:0": 30,
    }
    assert parity(TASK, found, INT8).passed
    assert not parity(TASK, found, HALF).passed  # which may have noise of 60 dB
    assert not parity(TASK, found, FLOAT).passed
    assert not parity(TASK, compare(TASK, right, noisy(right, 19.0)), INT8).passed
    one = compare(TASK, right["boxes"], noisy(right, 70.0)["boxes"])
    assert (one.outputs, round(one.sqnr_db or 0)) == ({}, 70)
    assert parity(TASK, one, HALF).passed
    same = parity(TASK, compare(TASK, right, right), FLOAT)
    assert (same.passed, "200.0 dB" in same.value) == (True, True)


@pytest.mark.parametrize("precision", [FLOAT, HALF, INT8], ids=lambda one: str(one.name))
@pytest.mark.parametrize(
    "change", [{"scaled": 0.9}, {"bias": 0.1}, {"scaled": -1.0}], ids=["scaled", "bias", "turned"]
)
def test_wrong_files_are_refused(
    right: Any, tmp_path: Path, change: Mapping[str, float], precision: Any
) -> None:
    wrong = answers(detector(tmp_path / "net.onnx", **change))
    if precision is INT8:  # which has the noise of its own steps beside
        wrong = noisy(wrong, 30.0)
    check = parity(TASK, compare(TASK, right, wrong), precision)
    assert not check.passed
    assert "boxes: it does not answer as the network" in check.reason


def test_half_of_what_may_differ_is_the_conversion_s(right: Any) -> None:
    """The other half is left to the network that was made of the source."""
    for share, passes in ((4e-5, True), (6e-5, False)):
        wrong = right.copy()
        wrong["boxes"] += share * np.abs(right["boxes"]).max()
        assert TASK.parity(TASK.compare(right, wrong), FLOAT).passed is passes


def test_outputs_in_each_other_s_place_are_refused(tmp_path: Path) -> None:
    first = answers(detector(tmp_path / "a.onnx", swapped=False))
    swapped = answers(detector(tmp_path / "b.onnx", swapped=True))
    with pytest.raises(ZooError, match="the file's outputs are boxes"):
        compare(TASK, first, swapped)
    alike = {name: first["boxes"] + number for number, name in enumerate("ab")}
    turned = joined({"a": alike["b"], "b": alike["a"]})
    assert not parity(TASK, compare(TASK, joined(alike), turned), INT8).passed


def test_a_file_without_numbers_is_refused(right: Any) -> None:
    broken = right.copy()
    broken["scores:0"][0] = np.nan
    for precision in (FLOAT, INT8):
        assert not parity(TASK, compare(TASK, right, broken), precision).passed


def test_names_are_those_of_the_network() -> None:
    x, y, z = (TensorInfo(name=name, shape=(1, 2), dtype="float32") for name in "xyz")
    file = contents(inputs=(x,), outputs=(y, z))
    assert own_names(file, ["x"], ["y", "z"]).passed
    for inputs, outputs in ((["x"], ["z", "y"]), (["x"], ["y"]), (["y"], ["y", "z"])):
        check = own_names(file, inputs, outputs)
        assert (check.passed, check.value, bool(check.reason)) == (False, "x → y z", True)


def test_nothing_is_said_of_quality(right: Any) -> None:
    truth: Any = None
    assert TASK.evaluate(right, truth) == ()
    assert TASK.accuracy(truth, right, right, 0.0) is None
    few = require_inputs(replace(parity(TASK, compare(TASK, right, right), FLOAT)), 15, 16)
    assert TASK.min_parity_inputs == 16
    assert not few.passed
    options: Any = type("Options", (), {"epochs": 3})
    with pytest.raises(UsageError, match="train nothing"):
        TASK.compile(None, None, options)


@pytest.mark.parametrize(
    ("moved", "share", "passes"),
    [(4e-5, 0.1, True), (4e-4, 1e-5, True), (4e-4, 1e-3, False), (6e-4, 1e-5, False)],
)
def test_float32_may_round_single_values_of_a_large_output(
    moved: float, share: float, passes: bool
) -> None:
    """As the masks of MediaPipe's selfie_segmentation; not many of them, nor by more."""
    own = np.random.default_rng(0).random((32, 64, 64)).astype(np.float32)
    wrong, places = own.copy(), int(share * own.size)
    wrong.ravel()[: max(places, 1)] += np.float32(moved)
    assert parity(TASK, compare(TASK, own, wrong), FLOAT).passed == passes
    wrong[0, 0, 0] = np.nan
    assert not parity(TASK, compare(TASK, own, wrong), FLOAT).passed

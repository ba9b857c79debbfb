"""One real run from weights to proven files, and everything that is promised of it."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pytest
from ship_commands import CELLS, FILES, STEPS, Place, Shipped, sha256

import zoo
from zoo.artifacts.artifact import open_artifact
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "sklearn", "jinja2"):
    pytest.importorskip(module)


def test_run_does_each_step_once_and_says_nothing_else(shipped: Shipped) -> None:
    """No library's chatter, no warnings: a line for each epoch, the training's end, each step.

    What takes long tells so from time to time.
    """
    assert shipped.typed.done == STEPS
    lines = [line for line in shipped.typed.err.splitlines() if " so far" not in line]
    assert len(lines) == len(STEPS) + len(["report"]) + 2 + 1
    one = r"(✓ [a-z0-9 ]+  [\d.]+ s|  finetune: (epoch [12]/2  loss|training ended after) .*)$"
    for line in lines:
        assert re.match(one, line), line


def test_folder_holds_the_files_and_nothing_else(shipped: Shipped) -> None:
    assert {path.name for path in shipped.folder.iterdir()} == {
        *FILES,
        *("lenet5.digits.safetensors", "lenet5.digits.toml"),
        *("records.json", "recipe.toml", "report.html"),
    }


def test_records_are_complete(shipped: Shipped) -> None:
    assert set(shipped.records) == STEPS
    assert {step["status"] for step in shipped.records.values()} == {"passed"}
    assert all(step["result"] for step in shipped.records.values())


@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_file_manifest_and_records_agree(
    format: str, precision: str, shipped: Shipped, place: Place
) -> None:
    file = shipped.folder / f"lenet5.digits.{precision}.{format}"
    exported = shipped.records[f"export {format} {precision}"]["result"]
    judged = shipped.records[f"gate {format} {precision}"]["result"]
    timed = shipped.records[f"bench {format} {precision} host"]["result"]
    artifact = open_artifact(load_registry(), file)
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.payload_sha256 == artifact.contents.payload_sha256
    assert manifest.payload_sha256 == exported["contents"]["payload_sha256"]
    assert judged["sha256"] == timed["sha256"] == sha256(file)
    assert judged["bytes"] == file.stat().st_size
    assert manifest.weights_sha256 == sha256(shipped.folder / "lenet5.digits.safetensors")
    assert manifest.classes == tuple("0123456789")
    assert (manifest.format, manifest.precision) == (format, precision)
    assert (manifest.calibration is not None) == (precision == "int8")
    gate = manifest.gate
    assert gate is not None
    assert gate.passed
    assert all(check.passed for check in gate.checks)
    (metric,) = gate.metrics
    (recorded,) = judged["evaluation"]["metrics"]
    assert (metric.value, metric.count) == (recorded["value"], recorded["count"])
    if precision == "int8":
        assert artifact.contents.integer_operators > 0
        # ONNX files normalize in float: ONNX Runtime's integers would be slower there.
        islands = ("Mul", "Add") if format == "onnx" else ()
        assert artifact.contents.float_islands == islands
        assert artifact.contents.float_operators == len(islands)
    typed = place.zoo("evaluate", file, "--json")
    assert (typed.code, typed.err) == (0, "")
    (again,) = json.loads(typed.out)["metrics"]
    assert again == recorded


def test_int8_tflite_takes_raw_pixels(shipped: Shipped) -> None:
    (pixels,) = open_artifact(
        load_registry(), shipped.folder / "lenet5.digits.int8.tflite"
    ).contents.inputs
    assert (pixels.dtype, pixels.scale, pixels.zero_point) == ("uint8", 1.0, 0)


def test_card_tells_the_measured_accuracy(shipped: Shipped) -> None:
    from zoo.networks.card import read_card

    card = read_card(shipped.folder / "lenet5.digits.toml")
    (metric,) = shipped.records["evaluate keras"]["result"]["metrics"]
    assert card.accuracy is not None
    assert card.accuracy.value == pytest.approx(metric["value"], abs=1e-6)
    assert card.accuracy.count == metric["count"]
    assert card.sha256 == sha256(shipped.folder / "lenet5.digits.safetensors")
    assert card.parent == "lenet5.fashion_mnist"


def test_table_tells_what_the_records_say(shipped: Shipped) -> None:
    for format, precision in CELLS:
        judged = shipped.records[f"gate {format} {precision}"]["result"]
        (row,) = [r for r in shipped.typed.out.splitlines() if r.startswith(judged["file"])]
        assert row.endswith("passed")
        accuracy = 100 * judged["evaluation"]["metrics"][0]["value"]
        assert f" {accuracy:.1f} " in row


def test_next_commands_can_be_typed(shipped: Shipped, place: Place) -> None:
    """They are quoted: the folder has a space in its name."""
    commands = re.findall(r"^(?:next)? +(zoo .*)$", shipped.typed.out, re.MULTILINE)
    assert [shlex.split(command)[1] for command in commands] == ["bundle", "bench", "inspect"]
    for command in commands:
        assert (place.folder / shlex.split(command)[2]).is_file()
    assert place.zoo(*shlex.split(commands[-1])[1:]).code == 0


def test_report_needs_nothing_else(shipped: Shipped) -> None:
    page = (shipped.folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in FILES)
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']*""", page) == []
    assert page.count("<script") == page.count("<script>") == 1
    assert "@import" not in page
    assert not re.search(r"url\((?!['\"]?(?:data:|#))", page)


def test_store_holds_each_step_and_each_sample(shipped: Shipped, place: Place) -> None:
    from zoo.results.measurements import Samples
    from zoo.results.store import Store

    store = Store(f"sqlite:///{place.home / 'data' / 'records.sqlite'}")
    stored = {found.record.step: found.record for found in store.records(run=shipped.folder.name)}
    assert set(stored) == STEPS
    for name, record in stored.items():
        assert record.key == shipped.records[name]["key"]
        if record.kind == "bench":
            samples = np.concatenate(Samples.decode(store.samples(record.key)).processes)
            assert record.result is not None
            assert len(samples) == record.result["runs"]
            # Of an even number the lower middle one: a percentile is always a sample.
            median = np.quantile(samples, 0.5, method="inverted_cdf")
            assert median / 1e6 == pytest.approx(record.result["p50_ms"])
    store.close()


def test_loaded_network_is_the_evaluated_one(shipped: Shipped) -> None:
    from zoo.data.digits import open_digits
    from zoo.data.preprocessing.inputs import read_inputs

    model = zoo.load(str(shipped.folder / "lenet5.digits.safetensors"))
    examples = open_digits(None).splits["test"]
    _, variant = load_registry().variant("lenet5")
    inputs = read_inputs(examples, variant.preprocessing, range(len(examples))).astype(np.float32)
    outputs = np.asarray(model(inputs, training=False))
    assert outputs.shape == (len(examples), 10)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    (metric,) = shipped.records["evaluate keras"]["result"]["metrics"]
    assert float((outputs.argmax(axis=1) == examples.labels).mean()) == metric["value"]


def test_packaged_network_has_the_accuracy_on_its_card(place: Place) -> None:
    from zoo.data.readers.fashion_files import DEBIAN_FOLDER

    if not DEBIAN_FOLDER.is_dir():
        pytest.skip("needs the Debian package dataset-fashion-mnist")
    from zoo.data.fashion_mnist import open_fashion_mnist
    from zoo.data.preprocessing.inputs import read_inputs

    card = zoo.info("lenet5")["cards"]["lenet5.fashion_mnist"]
    examples = open_fashion_mnist(None).splits["test"]
    _, variant = load_registry().variant("lenet5")
    inputs = read_inputs(examples, variant.preprocessing, range(len(examples))).astype(np.float32)
    outputs = np.asarray(zoo.load("lenet5")(inputs, training=False))
    accuracy = float((outputs.argmax(axis=1) == examples.labels).mean())
    # Another processor may round another way.
    assert accuracy == pytest.approx(card["accuracy"]["value"], abs=2e-3)

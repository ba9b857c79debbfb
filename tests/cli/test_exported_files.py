"""inspect, evaluate and bench on files whose every answer is known."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from linear_network import BIAS, SIDE, WEIGHTS, linear_onnx
from makers import check
from short_timing import short_timing as short_timing

from zoo.cli.inspect_command import _some


def expected_accuracy(split: str) -> tuple[float, int]:
    """Accuracy of the linear network on the digits, computed here."""
    from zoo.contracts import ImagePreprocessing
    from zoo.data.digits import open_digits
    from zoo.data.preprocessing.inputs import read_inputs

    examples = open_digits(None).splits[split]
    inputs = read_inputs(
        examples, ImagePreprocessing(height=SIDE, width=SIDE, channels=1), range(len(examples))
    )
    scores = inputs.reshape(len(examples), -1).astype(np.float64) @ WEIGHTS + BIAS
    return float((scores.argmax(axis=1) == examples.labels).mean()), len(examples)


def test_inspect_tells_what_is_there(judged_file, zoo):
    typed = zoo("inspect", judged_file)
    assert typed.code == 0
    assert typed.err == ""
    for text in (
        hashlib.sha256(judged_file.read_bytes()).hexdigest(),
        f"pixels  float32 1×{SIDE}×{SIDE}×1",
        "scores  float32 1×10",
        "Flatten, Gemm",
        "0 of 1 computing operators",
        "tiny.digits, float32, image-classification",
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "not judged",
    ):
        assert text in typed.out


def test_inspect_tells_what_few_examples_cannot(judged_file, zoo):
    from zoo.artifacts.artifact import GateReference, embed, open_artifact, require_manifest
    from zoo.common.proportions import LeastShare
    from zoo.registry import load_registry

    unsure = LeastShare(share=1.0, count=64, least=0.98).unsure("inputs")
    artifact = open_artifact(load_registry(), judged_file)
    judged = GateReference(
        passed=True,
        runtime="onnxruntime",
        runtime_version="1",
        checks=(check(unsure=unsure), check(name="accuracy")),
        metrics=(),
    )
    embed(artifact.exporter, judged_file, replace(require_manifest(artifact), gate=judged))
    typed = zoo("inspect", judged_file)
    assert typed.code == 0
    assert typed.out.count("too few examples to be sure") == 1
    assert unsure in typed.out
    assert (
        zoo("inspect", judged_file, "--json").json["manifest"]["gate"]["checks"][0]["unsure"]
        == unsure
    )


def test_inspect_as_json(judged_file, zoo):
    typed = zoo("inspect", judged_file, "--json")
    assert (typed.code, typed.err) == (0, "")
    found = typed.json
    assert found["altered"] is False
    assert found["format"] == "onnx"
    assert found["bytes"] == judged_file.stat().st_size
    assert found["sha256"] == hashlib.sha256(judged_file.read_bytes()).hexdigest()
    assert found["contents"]["operators"] == {"Flatten": 1, "Gemm": 1}
    assert found["contents"]["weight_bytes"] == WEIGHTS.nbytes + BIAS.nbytes
    assert found["manifest"]["payload_sha256"] == found["contents"]["payload_sha256"]


def test_inspect_of_a_foreign_file(plain_file, zoo):
    assert "not made by edgezoo" in zoo("inspect", plain_file).out
    found = zoo("inspect", plain_file, "--json").json
    assert found["manifest"] is None
    assert found["altered"] is False


def test_inspect_sees_one_turned_bit(altered_file, zoo):
    typed = zoo("inspect", altered_file)
    assert typed.code == 1
    assert "ALTERED" in typed.err
    assert "payload" not in typed.err
    typed = zoo("inspect", altered_file, "--json")
    assert typed.code == 1
    assert typed.json["altered"] is True


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_altered_file_is_not_used(command, altered_file, zoo):
    typed = zoo(command, altered_file)
    assert typed.code == 2
    assert typed.out == ""
    assert "altered after its manifest was written" in typed.err
    assert "the manifest says" in typed.err
    assert "export the file again" in typed.err


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_evaluate_is_exact(split, judged_file, zoo):
    accuracy, count = expected_accuracy(split)
    typed = zoo("evaluate", judged_file, "--split", split, "--json", "--allow-weak")
    assert (typed.code, typed.err) == (0, "")
    (metric,) = typed.json["metrics"]
    assert metric["name"] == "accuracy"
    assert metric["value"] == pytest.approx(accuracy)
    assert metric["low"] < accuracy < metric["high"]
    assert metric["count"] == count
    assert typed.json["split"] == split
    assert typed.json["runtime"] == "onnxruntime"
    assert np.sum(typed.json["details"]["confusion"]) == count


def test_evaluate_for_people(judged_file, zoo):
    accuracy, count = expected_accuracy("test")
    typed = zoo("evaluate", judged_file, "--data", "digits", "--allow-weak")
    assert typed.code == 0
    first, *rest = typed.out.splitlines()
    assert first == "tiny.digits.float32.onnx on digits (test), by onnxruntime"
    headline = next(line for line in rest if line.startswith("  accuracy"))
    assert f"{accuracy:.2%}" in headline
    assert f"on {count} examples" in headline


def test_evaluate_judges_the_network_too(judged_file, zoo):
    """Its weights are random: no better than the commonest class, whatever the file is like."""
    typed = zoo("evaluate", judged_file)
    assert typed.code == 1
    lines = typed.out.splitlines()
    assert lines[1].startswith("weak: the network is no better than its baseline (accuracy ")
    assert any(line.startswith("  baseline, always '1': 13.1 %; the network") for line in lines)
    assert any(line.startswith("  balanced accuracy ") for line in lines)
    classes = lines[lines.index("") + 1 :]
    assert classes[0].split() == ["class", "right", "recall", "95", "%", "interval"]
    assert len(classes) == 11
    found = zoo("evaluate", judged_file, "--json")
    assert found.code == 1
    assert found.json["findings"][0]["code"] == "no-better-than-baseline"
    assert found.json["findings"][0]["fix"]
    right = np.diag(found.json["details"]["confusion"])
    recalls = found.json["recalls"]
    assert [round(m["value"] * m["count"]) for m in recalls.values()] == right.tolist()


def test_rejected_file_can_still_be_looked_at(judged_file, zoo):
    rejected = Path(shutil.copy(judged_file, f"{judged_file}.rejected"))
    assert zoo("inspect", rejected).code == 0
    assert zoo("evaluate", rejected, "--allow-weak").code == 0


def test_evaluate_of_a_file_without_manifest_needs_data(plain_file, zoo):
    """It is a network from elsewhere then."""
    typed = zoo("evaluate", plain_file)
    assert typed.code == 2
    assert "comes from elsewhere" in typed.err
    assert "add --data DATASET" in typed.err


def test_evaluate_refuses_other_classes(judged_file, zoo):
    random = np.random.default_rng(0)
    images, labels = random.random((60, 8, 8, 1)), np.arange(60) % 3
    np.savez("three.npz", x_train=images, y_train=labels, x_test=1 - images, y_test=labels)
    typed = zoo("evaluate", judged_file, "--data", "npz:three.npz")
    assert typed.code == 2
    assert f"npz:three.npz has other classes than {judged_file}" in typed.err
    assert "10 classes (0, 1, 2, 3, 4, …)" in typed.err


def test_bench_times_with_each_number_of_threads(judged_file, zoo):
    threads = ("--threads", "1", "--threads", "2")
    typed = zoo("bench", judged_file, *threads, "--tier", "brief", "--json")
    assert (typed.code, typed.err) == (0, "")
    assert [(row["file"], row["threads"]) for row in typed.json] == [
        (str(judged_file), 1),
        (str(judged_file), 2),
    ]
    for row in typed.json:
        assert row["error"] is None
        measured = row["measurement"]
        assert measured["threads"] == row["threads"]
        assert measured["sha256"] == hashlib.sha256(judged_file.read_bytes()).hexdigest()
        assert 0 < measured["p50_low_ms"] <= measured["p50_ms"] <= measured["p50_high_ms"]
        assert measured["p50_ms"] <= measured["p90_ms"]
        assert measured["runs"] >= 64
        assert measured["runtime"] == "onnxruntime"


def test_bench_that_fails_costs_that_file_alone(plain_file, zoo):
    """The runtime does not know the domain of one operator."""
    strange = linear_onnx(Path("strange.onnx"), domain="nowhere")
    typed = zoo("bench", strange, plain_file, "--tier", "brief")
    assert typed.code == 1
    assert "plain.onnx" in typed.out
    assert "strange.onnx, 1 thread" in typed.err
    assert "could not load" in typed.err
    assert "Traceback" not in typed.err


def test_bench_checks_all_files_before_it_times_one(plain_file, zoo):
    Path("fake.onnx").write_text("hello")
    typed = zoo("bench", plain_file, "fake.onnx", "--tier", "brief")
    assert typed.code == 2
    assert typed.out == ""
    assert typed.err.startswith("error: fake.onnx is not what its suffix says")


def test_bench_with_a_runtime_that_does_not_fit(plain_file, zoo):
    typed = zoo("bench", plain_file, "--runtime", "litert")
    assert typed.code == 2
    assert "unknown runtime of onnx 'litert'" in typed.err
    assert "onnxruntime" in typed.err


def test_inspect_cuts_long_lists_of_names():
    names = [f"layer{number}" for number in range(12)]
    assert _some(names) == f"{', '.join(names[:10])} and 2 more (--json lists all)"
    assert _some(names[:10]) == ", ".join(names[:10])

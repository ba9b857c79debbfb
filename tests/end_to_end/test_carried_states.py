"""Networks that give their state back: sequences from the network's file to its files' proof."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import typed_in
from free_sizes import recurrent_cell
from keeping_networks import cell, file_of, zeros

from zoo.analysis.explain import explain
from zoo.analysis.layer_comparison import with_states
from zoo.analysis.verify.verify import verify
from zoo.artifacts.artifact import Artifact, embed, open_artifact
from zoo.artifacts.gate import compare_outputs
from zoo.artifacts.golden_samples import read_golden
from zoo.benchmark.timed_inputs import open_samples, timed_inputs
from zoo.common.named_arrays import fields_of, joined
from zoo.contracts.preprocessing import CarriedState, SteppedPreprocessing
from zoo.execution.expected_outputs import make_output_check
from zoo.execution.output_check import OutputsDiffer
from zoo.execution.runner import host_device, run_inputs
from zoo.execution.session import AgentSession
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert"):
    pytest.importorskip(module)
onnx = pytest.importorskip("onnx")
InferenceSession = pytest.importorskip("onnxruntime").InferenceSession

pytestmark = pytest.mark.slow
RANDOM = np.random.default_rng(0)
SEQUENCES = RANDOM.normal(size=(60, 6, 4)).astype(np.float32)
IDS = RANDOM.integers(0, 10, (60, 6))
Step = Callable[..., Sequence[Any]]


def exported(home: Path, network: str, states: Sequence[str], *more: str) -> None:
    stated = [word for state in states for word in ("--state", state)]
    asked = ("--task", "tensors", "--data", "npz:samples.npz", *stated, "--output", "runs", *more)
    done = typed_in(home, "export", network, *asked)
    assert done.returncode == 0, done.stdout + done.stderr


def in_onnxruntime(path: Path, names: Sequence[str]) -> Step:
    session = InferenceSession(str(path))
    return lambda **given: session.run(names, given)


def in_litert(path: Path, names: Sequence[str]) -> Step:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return lambda **given: [runner(**given)[name] for name in names]


def run_by_hand(
    step: Step, sequences: Sequence[Any], sides: tuple[int, ...] = (1, 2, 8)
) -> tuple[Any, Any]:
    """``y`` and ``hn`` of all steps: each sequence from zeros, ``hn`` fed back as ``h``."""
    made = []
    for sequence in sequences:
        state = np.zeros(sides, np.float32)
        for x in sequence:
            y, state = step(x=x[None], h=state)
            made.append((y[0], state.reshape(-1)))
    shape = (len(sequences), len(sequences[0]), -1)
    ys, states = zip(*made, strict=True)
    return np.stack(ys).reshape(shape), np.stack(states).reshape(shape)


def decibels(right: Any, found: Any) -> float:
    noise = max(float(np.square(found - right).mean()), 1e-30)
    return float(10 * np.log10(right.var(0).mean() / noise))


def without_its_state(artifact: Artifact, path: Path) -> Path:
    """The same ONNX file with a constant in the place of the state that it takes."""
    model = onnx.load(str(artifact.path))
    zeros = onnx.numpy_helper.from_array(np.zeros((1, 2, 8), np.float32), "nothing")
    model.graph.initializer.append(zeros)
    for node in model.graph.node:
        node.input[:] = ["nothing" if name == "h" else name for name in node.input]
    onnx.save(model, str(path))
    altered, manifest = artifact.exporter.inspect(path), artifact.manifest
    assert manifest is not None
    claimed = replace(
        manifest, payload_sha256=altered.payload_sha256, attachments=dict(altered.attachments)
    )
    embed(artifact.exporter, path, claimed)
    return path


def failing(path: Path) -> set[str]:
    found = verify(path, registry=load_registry())
    return {claim.name for claim in found.claims if claim.status == "fails"}


def test_a_cell_from_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    recurrent_cell(tmp_path / "cell.onnx")
    np.savez(tmp_path / "samples.npz", x=SEQUENCES)
    exported(tmp_path, "cell.onnx", ["h=hn"], "--precision", "int8")
    registry, names = load_registry(), ("y", "hn")
    # The network's own state is (layers, batch, …), that of all its files (batch, layers, …).
    right = run_by_hand(in_onnxruntime(tmp_path / "cell.onnx", names), SEQUENCES, (2, 1, 8))
    paths = [tmp_path / "runs" / f"cell.samples.int8.{end}" for end in ("onnx", "tflite")]
    for path, opened in zip(paths, (in_onnxruntime, in_litert), strict=True):
        artifact = open_artifact(registry, path)
        manifest = artifact.manifest
        assert manifest is not None
        assert manifest.gate is not None
        own = manifest.preprocessing
        assert isinstance(own, SteppedPreprocessing)
        assert (own.states, own.steps) == ((CarriedState(input="h", output="hn"),), 6)
        assert -1 < own.tensors[1].low < -0.5  # the states that occurred
        assert {check.name for check in manifest.gate.checks if check.passed} >= {"state", "parity"}
        assert manifest.calibration is not None
        assert manifest.calibration.count > 42  # more than sequences: their steps
        found = run_by_hand(opened(path, names), SEQUENCES)
        for theirs, ours in zip(right, found, strict=True):
            assert decibels(theirs, ours) > 20
        # Golden sequences are without their states, and answered step by step.
        assert manifest.golden is not None
        arrays = read_golden(manifest.golden, path)
        assert arrays.inputs.shape == (3, 6, 4)
        again = run_by_hand(opened(path, names), arrays.inputs)
        for values, ours in zip(fields_of(arrays.outputs).values(), again, strict=True):
            assert np.abs(values.reshape(ours.shape) - ours).max() <= manifest.golden.max_abs
        assert failing(path) == set()
        # Layers are compared at states that occur.
        fed = with_states(registry, artifact, SEQUENCES[:2], count=12, seed=0)
        states = {tuple(x): h for x, h in zip(fed["x"], fed["h"], strict=True)}
        for number in (0, 1):
            assert not states[tuple(SEQUENCES[number, 0])].any()
            for step in range(1, 6):
                fed_back = states[tuple(SEQUENCES[number, step])].reshape(-1)
                apart = fed_back - found[1][number, step - 1]
                assert np.abs(apart).max() < 0.02
        # A step is timed at the first one's state, with golden numbers or given ones.
        given = open_samples(registry, f"npz:{tmp_path / 'samples.npz'}", 1)
        for samples, first in ((None, arrays.inputs[:1, 0]), (given, given[""][:, 0])):
            ((row,),) = timed_inputs([artifact], {}, samples)
            assert row.samples is not None
            assert np.array_equal(row.samples[0], first)
            assert (row.samples[1].shape, row.samples[1].any()) == ((1, 2, 8), False)
    refused(paths[0], tmp_path, right)
    bundled(paths[1], tmp_path)


def refused(path: Path, folder: Path, right: Sequence[Any]) -> None:
    """A file that reads no state, and one whose states are others than its manifest says."""
    registry, artifact = load_registry(), open_artifact(load_registry(), path)
    manifest, exporter = artifact.manifest, artifact.exporter
    assert manifest is not None
    wrong = without_its_state(artifact, folder / "wrong.onnx")
    assert "golden outputs in onnxruntime" in failing(wrong)
    device, task = host_device(registry), registry.tasks.get("tensors")
    answered = right[0], right[1].reshape(60, 6, 2, 8)
    expected = joined(dict(zip(("y", "hn"), answered, strict=True)))
    for file, passed in ((path, True), (wrong, False)):
        outputs = run_inputs(
            SEQUENCES, file, "onnxruntime", device, preprocessing=manifest.preprocessing
        ).outputs
        compared = compare_outputs(task, expected, outputs, np.zeros(60))
        assert task.parity(compared, registry.precision("int8")).passed is passed
        check = make_output_check(registry, open_artifact(registry, file))
        with AgentSession(device.connect(), "onnxruntime") as session:
            session.load(file)
            if passed:
                assert check(session).inputs == 3
            else:
                with pytest.raises(OutputsDiffer, match="not those that it should give"):
                    check(session)
    own = manifest.preprocessing
    assert isinstance(own, SteppedPreprocessing)
    x, h = own.tensors
    for changed in (
        {"carried": (CarriedState(input="h", output="y"),)},
        {"carried": (CarriedState(input="h", output="other"),)},
        {"tensors": (x, replace(h, shape=(1 << 40,)))},  # of which nothing is made
    ):
        embed(exporter, wrong, replace(manifest, preprocessing=replace(own, **changed)))  # type: ignore[arg-type]
        assert "state" in failing(wrong)


def bundled(path: Path, folder: Path) -> None:
    """The bundle's program feeds the state back, and notices where it does not."""
    done = typed_in(folder, "bundle", path, "--output", "folder")
    assert "Python      ok: golden 1: ok" in done.stdout, done.stdout + done.stderr
    assert "h takes what hn gave" in (folder / "folder" / "README.md").read_text()
    program = folder / "folder" / "python" / "run.py"
    text = program.read_text()
    begin = text[text.index("    states = {") : text.index("    names = [")]
    update = next(line for line in text.splitlines() if "states.update(" in line)
    for altered, differing in (
        (text, ()),
        (text.replace(update, ""), (1, 2, 3)),  # not fed back
        (
            text.replace(begin, "").replace(
                "def run_sequence", f"{begin.strip()}\n\n\ndef run_sequence"
            ),
            (2, 3),
        ),  # not reset
    ):
        program.write_text(altered)
        ran = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
        assert ran.returncode == bool(differing), ran.stdout + ran.stderr
        for number in (1, 2, 3):
            said = "DIFFERS" if number in differing else "ok"
            assert f"golden {number}: {said}" in ran.stdout


def test_a_cell_from_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two states, and an input of whole numbers beside them."""
    import keras

    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    keras.utils.set_random_seed(1)
    x, h, c = (keras.Input(shape, name=n) for n, shape in (("x", (4,)), ("h", (8,)), ("c", (8,))))
    ids = keras.Input((), dtype="int32", name="ids")
    both = keras.layers.Concatenate()([x, keras.layers.Embedding(10, 3)(ids)])
    made, (h_next,) = keras.layers.GRUCell(8)(both, [h])
    _, (_, c_next) = keras.layers.LSTMCell(8)(made, [h, c])
    inputs = {"x": x, "ids": ids, "h": h, "c": c}
    # `made` and `hn` are one tensor in Keras, as cells give their state.
    outputs = {"y": keras.layers.Dense(2)(c_next), "hn": h_next, "cn": c_next, "made": made}
    keras.Model(inputs, outputs).save(tmp_path / "cell.keras")
    np.savez(tmp_path / "samples.npz", x=SEQUENCES, ids=IDS)
    more = ("--precision", "float32,int8", "--format", "tflite")
    exported(tmp_path, "cell.keras", ["h=hn", "c=cn"], *more)
    path = tmp_path / "runs" / "cell.samples.float32.tflite"
    model = keras.models.load_model(tmp_path / "cell.keras")
    states = {"h": np.zeros((60, 8)), "c": np.zeros((60, 8))}
    steps = []
    for number in range(6):
        fed = {"x": SEQUENCES[:, number], "ids": IDS[:, number], **states}
        steps.append({name: np.asarray(one) for name, one in model(fed).items()})
        states = {"h": steps[-1]["hn"], "c": steps[-1]["cn"]}
    manifest = open_artifact(load_registry(), path).manifest
    assert manifest is not None
    assert manifest.golden is not None
    arrays = read_golden(manifest.golden, path)
    given, answered = fields_of(arrays.inputs), fields_of(arrays.outputs)
    assert {name: one.shape for name, one in given.items()} == {"x": (3, 6, 4), "ids": (3, 6)}
    for place in range(3):
        (number,) = np.flatnonzero((given["x"][place] == SEQUENCES).all((1, 2)))
        for name, values in answered.items():
            right = np.stack([step[name][number] for step in steps])
            assert values[place] == pytest.approx(right, abs=1e-5)
    assert failing(path) == set()
    integers = path.with_name("cell.samples.int8.tflite")
    explained = explain(integers, data=f"npz:{tmp_path / 'samples.npz'}", runs=0)
    assert explained.comparison.examples > 9  # more than sequences


def test_a_file_that_keeps_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that begin with zeros, with others, and with a whole number."""
    from zoo.plugins.tflite_files.opening import open_network

    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    own = file_of(cell, h=zeros(1, 8), level=zeros(1, 8) + 0.5, count=np.int32(3))
    (tmp_path / "keeping.tflite").write_bytes(own)
    np.savez(tmp_path / "samples.npz", x=SEQUENCES)
    exported(tmp_path, "keeping.tflite", [], "--precision", "float32,int8", "--format", "tflite")
    by_itself = open_network(tmp_path / "keeping.tflite").as_given
    for precision, limit in (("float32", 100), ("int8", 20)):
        path = tmp_path / "runs" / f"keeping.samples.{precision}.tflite"
        manifest = open_artifact(load_registry(), path).manifest
        assert manifest is not None
        pairs = {(one.input, one.output) for one in manifest.preprocessing.states}
        assert pairs == {("h", "h_next"), ("level", "level_next"), ("count", "count_next")}
        assert manifest.golden is not None
        arrays = read_golden(manifest.golden, path)
        right = by_itself.run_sequences({"x": arrays.inputs})
        answered = fields_of(arrays.outputs)
        assert decibels(right["y"], answered["y"]) > limit
        assert answered["n"][:, :, 0] == pytest.approx(right["n"][:, :, 0], abs=0.1)
        assert failing(path) == set()

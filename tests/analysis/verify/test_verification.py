"""`zoo verify`: every claim of a good file holds, and a file altered at any level fails."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from device_kinds import driver_of
from digit_files import dataset, layer, registry, with_manifest
from verified_files import failing, manifest_of, verified, with_flipped_weights

from zoo.artifacts.artifact import manifest_text, open_artifact
from zoo.artifacts.golden_samples import Golden, read_golden
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.contracts import AgentProcess
from zoo.execution.device import Device


def golden_of(file: Path) -> Golden:
    golden = manifest_of(file).golden
    assert golden is not None
    return golden


def test_every_claim_of_a_good_file_holds(file: Path) -> None:
    found = verified(file, data="digits")
    assert found.passed
    assert failing(found) == []
    status = {claim.name: claim.status for claim in found.claims}
    runtime = "onnxruntime" if file.suffix == ".onnx" else "litert"
    for name in (
        *("readable", "model bytes", "format", "inputs", "outputs", "preprocessing", "gate"),
        *("placement", "operators", "shapes", "golden inputs", "classes of the dataset"),
        *("training data", "accuracy", f"golden outputs in {runtime}", "finite", "answers"),
        f"fresh state in {runtime}",
    ):
        assert status[name] == "holds", name
    # Neither the plugin nor the weights nor the Keras network of this file exist anywhere.
    for name in ("classes", "weights", "parity with the network"):
        assert status[name] == "not checked"
    assert all(claim.reason for claim in found.claims if claim.status != "holds")


def test_without_data_the_accuracy_is_left_open(file: Path) -> None:
    (accuracy,) = (c for c in verified(file).claims if c.name == "accuracy")
    assert (accuracy.status, accuracy.reason) == (
        "not checked",
        "it takes the test split: --data digits",
    )


def test_flipped_weights_are_an_altered_model(file: Path) -> None:
    assert "model bytes" in failing(verified(with_flipped_weights(file)))


def test_flipped_weights_behind_a_new_hash_are_caught_by_golden_outputs(file: Path) -> None:
    altered = with_flipped_weights(file)
    contents = open_artifact(registry(), altered).contents
    with_manifest(altered, payload_sha256=contents.payload_sha256)
    found = failing(verified(altered))
    runtime = "onnxruntime" if file.suffix == ".onnx" else "litert"
    assert f"golden outputs in {runtime}" in found
    assert "model bytes" not in found


def test_another_name_of_an_output_is_found_behind_a_new_hash(copy: Callable[[str], Path]) -> None:
    """Programs look for it by its name."""
    file = copy("float32.onnx")
    exporter, manifest = open_artifact(registry(), file).exporter, manifest_of(file)
    model, mark, rest = file.read_bytes().partition(b"zoo_manifest")
    file.write_bytes(model.replace(b"probabilities", b"probabilitieZ") + mark + rest)
    found = exporter.inspect(file)
    told = replace(manifest, payload_sha256=found.payload_sha256)
    exporter.write_manifest(file, manifest_text(told))
    assert failing(verified(file)) == ["outputs"]


def test_one_bit_is_enough_where_the_file_was_judged(copy: Callable[[str], Path]) -> None:
    file = copy("float32.tflite")
    golden = golden_of(file)
    inputs = read_golden(golden, file).inputs.reshape(3, -1)
    weights, _ = layer()
    data = bytearray(file.read_bytes())
    # The second lowest byte of the weight that counts most.
    place = int(inputs.astype(np.float64).sum(axis=0).argmax())
    chosen = int(read_golden(golden, file).outputs[0].argmax())
    start = data.index(weights[chosen].tobytes())
    data[start + 4 * place + 1] ^= 0x40
    file.write_bytes(bytes(data))
    with_manifest(file, payload_sha256=open_artifact(registry(), file).contents.payload_sha256)
    (claim,) = (c for c in verified(file).claims if c.status == "fails")
    assert "the model is another" in claim.reason
    # Another kind of processor may round otherwise, so there the difference is let pass.
    with_manifest(file, golden=replace(golden, processor="elsewhere"))
    assert verified(file).passed


def test_a_file_that_was_cut_off(file: Path) -> None:
    content = file.read_bytes()
    for share in (0.3, 0.9):
        file.write_bytes(content[: int(len(content) * share)])
        found = verified(file)
        assert not found.passed
        assert set(failing(found)) & {"readable", "manifest"}


def test_a_golden_file_beside(
    copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from digit_files import judge_file, tflite_digits

    monkeypatch.setattr("zoo.artifacts.golden_samples.MOST_EMBEDDED", 10)
    file = judge_file(tflite_digits(tmp_path / "big.float32.tflite", integer=False), "float32")
    beside = tmp_path / "big.float32.tflite.golden.npz"
    assert golden_of(file).file == beside.name
    assert open_artifact(registry(), file).companions == (beside.name,)
    assert verified(file).passed
    content = beside.read_bytes()
    beside.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert failing(verified(file)) == ["golden inputs"]
    beside.unlink()
    assert failing(verified(file)) == ["golden inputs"]
    for name in ("../big.npz", "/etc/passwd", "..", "a/b"):
        with_manifest(file, golden=replace(golden_of(file), file=name))
        assert failing(verified(file)) == ["golden inputs"]


class Forgetful:
    """Stands for a device whose runtime lets an input change the answer to the next."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def connect(self):
        transport = self.device.connect()
        outer = self

        class Leaky:
            def put(self, local: Path) -> str:
                return transport.put(local)

            def start_agent(self, runtime: str) -> AgentProcess:
                return outer.leaking(transport.start_agent(runtime))

            def close(self) -> None:
                transport.close()

        return Leaky()

    @staticmethod
    def leaking(process: AgentProcess) -> AgentProcess:
        receive = process.receive

        def altered(timeout: float | None) -> str | None:
            answer = json.loads(receive(timeout) or "{}")
            for packed in (p for p in answer.get("outputs", []) if "data" in p):
                values = np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"]).copy()
                rows = values.reshape(packed["shape"])
                rows[1:] += 1e-5 * rows[:-1]
                packed["data"] = base64.b64encode(rows.tobytes()).decode()
            return json.dumps(answer)

        process.receive = altered  # type: ignore[method-assign]
        return process


def test_state_that_is_not_reset_is_found(
    copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.execution.runner import host_device

    forgetful = Forgetful(host_device(registry()))
    driver = driver_of(forgetful.device.kind.driver(), connect=lambda _: forgetful.connect())
    kind = replace(forgetful.device.kind, driver=lambda: driver)
    monkeypatch.setattr(
        "zoo.execution.devices.host_device",
        lambda _: replace(forgetful.device, kind=kind),
    )
    assert "fresh state in litert" in failing(verified(copy("float32.tflite")))


def test_a_wrong_question(copy: Callable[[str], Path], tmp_path: Path) -> None:
    file = copy("int8.tflite")
    with pytest.raises(UnknownName, match="onnxruntime"):
        verified(file, runtime="onnxruntime")
    with pytest.raises(BadFile, match="there is no file"):
        verified(tmp_path / "none.tflite")
    if "tflite-runtime" not in registry().devices.get("host").driver_of({}).runtimes():
        with pytest.raises(UsageError, match="not installed on 'host'"):
            verified(file, runtime="tflite-runtime")


def test_the_dataset_is_the_real_one() -> None:
    assert len(dataset().splits["test"]) > 200

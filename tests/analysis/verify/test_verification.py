"""`zoo verify`: every claim of a good file holds, and a file altered at any level fails."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_kinds import driver_of
from digit_files import dataset, layer, registry, with_manifest

from zoo.analysis.verify.verify import Verification, verify
from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.golden_samples import Golden, read_golden
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.files import sha256_of
from zoo.contracts import AgentProcess
from zoo.execution.device import Device

#: Read by Python when it starts: nothing of these packages can be imported.
HIDE = """
import os
from importlib.machinery import PathFinder

hidden = set(os.environ["HIDDEN"].split(","))
real = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in hidden else real(name, path, target)

PathFinder.find_spec = staticmethod(find_spec)
"""


def verified(file: Path, **options) -> Verification:
    return verify(file, registry=registry(), **options)


def failing(found: Verification) -> list[str]:
    return [claim.name for claim in found.claims if claim.status == "fails"]


def manifest_of(file: Path):
    return open_artifact(registry(), file).manifest


def golden_of(file: Path) -> Golden:
    golden = manifest_of(file).golden
    assert golden is not None
    return golden


def with_flipped_weights(file: Path) -> Path:
    """The sign of each weight and scale of one row is turned; what surrounds them is as it was."""
    artifact = open_artifact(registry(), file)
    weights, _ = layer()
    data = bytearray(file.read_bytes())
    if "int8" in file.name:
        step = float(np.abs(weights).max() / 127)
        weights = np.rint(weights / step).astype(np.int8)
    row = weights[3].tobytes()
    start = data.index(row)
    data[start : start + len(row)] = (-weights[3]).tobytes()
    file.write_bytes(bytes(data))
    altered = artifact.exporter.inspect(file).payload_sha256
    assert altered != artifact.manifest.payload_sha256
    return file


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


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        ("model bytes", lambda m: {"payload_sha256": "0" * 64}),
        ("format", lambda m: {"format": "stone"}),
        ("inputs", lambda m: {"inputs": (replace(m.inputs[0], shape=(1, 9, 9, 1)),)}),
        ("outputs", lambda m: {"outputs": (replace(m.outputs[0], scale=0.5),)}),
        ("preprocessing", lambda m: {"preprocessing": replace(m.preprocessing, width=9)}),
        ("gate", lambda m: {"gate": replace(m.gate, passed=False)}),
        ("gate", lambda m: {"gate": replace(m.gate, checks=())}),
        (
            "gate",
            lambda m: {"gate": replace(m.gate, metrics=(replace(m.gate.metrics[0], high=0.1),))},
        ),
        (
            "placement",
            lambda m: {
                "gate": replace(
                    m.gate,
                    checks=tuple(
                        replace(c, value="9 of 9 operators are integer")
                        if c.name == "placement"
                        else c
                        for c in m.gate.checks
                    ),
                )
            },
        ),
        (
            "operators",
            lambda m: {
                "gate": replace(
                    m.gate, checks=tuple(c for c in m.gate.checks if c.name != "operators")
                )
            },
        ),
        (
            "accuracy",
            lambda m: {
                "gate": replace(
                    m.gate,
                    metrics=(replace(m.gate.metrics[0], value=0.999, low=0.998, high=1.0),),
                )
            },
        ),
        ("answers", lambda m: {"gate": replace(m.gate, outputs_sha256="0" * 64)}),
        ("calibration error", lambda m: {"gate": replace(m.gate, calibration_error=0.6)}),
        ("classes of the dataset", lambda m: {"classes": m.classes[::-1]}),
        ("training data", lambda m: {"dataset": replace(m.dataset, content_hash="1" * 64)}),
        ("golden outputs in litert", lambda m: {"golden": _moved(m.golden)}),
        ("golden inputs", lambda m: {"golden": replace(m.golden, examples=(1,))}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edited_manifest(claim: str, change: Callable, copy: Callable[[str], Path]) -> None:
    file = copy("int8.tflite")
    with_manifest(file, **change(manifest_of(file)))
    assert claim in failing(verified(file, data="digits"))


@pytest.mark.parametrize("change", [{"processor": "elsewhere"}, {"outputs_sha256": ""}])
def test_answers_are_compared_where_the_gate_ran_the_file(
    change: dict[str, str], copy: Callable[[str], Path]
) -> None:
    file = copy("int8.tflite")
    with_manifest(file, gate=replace(manifest_of(file).gate, **change))
    found = verified(file, data="digits")
    assert found.passed
    assert {c.name: c.status for c in found.claims}["answers"] == "not checked"


def _moved(golden: Golden) -> Golden:
    """Golden outputs of which one value is 0.1 larger."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(golden.outputs.data)), "<f4").copy()
    raw[1] += 0.1
    data = base64.b64encode(zlib.compress(raw.tobytes())).decode()
    return replace(golden, outputs=replace(golden.outputs, data=data))


def test_what_belongs_to_a_plugin_that_is_here(copy: Callable[[str], Path]) -> None:
    file = with_manifest(copy("int8.tflite"), model_id="lenet5.fashion_mnist")
    found = {claim.name: claim for claim in verified(file).claims}
    assert found["classes"].status == "holds"
    assert found["weights"].status == "fails"  # those of LeNet-5 are not what this was made from
    with_manifest(file, classes=("0", "1"))
    assert "classes" in failing(verified(file))


def test_how_input_is_prepared_is_compared_with_the_variants_record(
    copy: Callable[[str], Path],
) -> None:
    """Cards of packaged weights name it only where it differs from the variant's."""
    architecture, variant = registry().variant("lenet5")
    weights = sha256_of(architecture.weights / "lenet5.fashion_mnist.safetensors")
    own, said = variant.preprocessing, {}
    for steps in (own, replace(own, interpolation="nearest"), replace(own, layout="nchw")):
        file = with_manifest(
            copy("int8.tflite"),
            model_id="lenet5.fashion_mnist",
            weights_sha256=weights,
            preprocessing=steps,
        )
        (claim,) = (c for c in verified(file).claims if c.name == "card of the weights")
        said[steps] = claim.reason
    assert ["preprocessing" in reason for reason in said.values()] == [False, True, False]


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


def command(*arguments: str | Path, hidden: str = "", folder: Path) -> subprocess.CompletedProcess:
    (folder / "hide").mkdir(exist_ok=True)
    (folder / "hide" / "sitecustomize.py").write_text(HIDE)
    return subprocess.run(
        [sys.executable, "-m", "zoo", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(folder / "hide"), "HIDDEN": hidden},
        capture_output=True,
        text=True,
        check=False,
    )


WITHOUT_TENSORFLOW = "tensorflow,keras,tf2onnx,safetensors,jinja2"


@pytest.mark.parametrize("end", ["float32.onnx", "int8.tflite"])
def test_the_command_needs_no_tensorflow(
    end: str, copy: Callable[[str], Path], tmp_path: Path
) -> None:
    file = copy(end)
    done = command("verify", file, "--data", "digits", hidden=WITHOUT_TENSORFLOW, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bit for bit the same" in done.stdout
    assert " 0 fail" in done.stdout


def test_what_is_hidden_cannot_be_imported(tmp_path: Path) -> None:
    blocked = command(
        *("evaluate", "lenet5", "--data", "digits"), hidden=WITHOUT_TENSORFLOW, folder=tmp_path
    )
    assert "not installed" in blocked.stderr  # so nothing of it could have been imported


def test_the_command_without_a_runtime(copy: Callable[[str], Path], tmp_path: Path) -> None:
    file = copy("float32.onnx")
    done = command("verify", file, "--json", hidden="onnxruntime", folder=tmp_path)
    assert done.returncode == 0
    found = {claim["name"]: claim for claim in json.loads(done.stdout)["claims"]}
    assert found["golden outputs"]["status"] == "not checked"
    assert "onnxruntime" in found["golden outputs"]["reason"]
    assert found["model bytes"]["status"] == "holds"


def test_the_command_on_a_bad_file(copy: Callable[[str], Path], tmp_path: Path) -> None:
    done = command("verify", with_flipped_weights(copy("int8.tflite")), folder=tmp_path)
    assert done.returncode == 1
    assert "-- model bytes" in done.stdout
    assert "the model was altered" in done.stdout


def test_the_dataset_is_the_real_one() -> None:
    assert len(dataset().splits["test"]) > 200


def with_placement(file: Path, **changes: Any) -> Path:
    gate = open_artifact(registry(), file).manifest.gate
    checks = [replace(c, **changes) if c.name == "placement" else c for c in gate.checks]
    return with_manifest(file, gate=replace(gate, checks=tuple(checks)))


def test_manifests_from_before_work_was_counted_hold(copy: Callable[[str], Path]) -> None:
    file = copy("int8.tflite")
    (found,) = (c for c in verified(file).claims if c.name == "placement")
    before, work = found.found.rsplit("; ", 1)
    assert "multiply-adds are integer" in work
    assert failing(verified(with_placement(file, value=before))) == []
    assert "placement" in failing(verified(with_placement(file, value=before[:-1])))
    other = with_placement(file, value=before, passed=False)
    assert "placement" in failing(verified(other))


def test_an_unknown_precision_is_judged_by_no_other(copy: Callable[[str], Path]) -> None:
    found = verified(with_manifest(copy("int8.tflite"), precision="int9"))
    (claim,) = (c for c in found.claims if c.status == "fails")
    assert claim.name == "precision"
    assert (claim.found, claim.reason) == ("unknown precision 'int9'", "did you mean 'int8'?")


def test_a_manifest_of_the_older_layout_claims_less(copy: Callable[[str], Path]) -> None:
    """Who writes it anew in that layout needs no hash; so it is told that nothing covers it."""
    file = copy("float32.tflite")
    assert "manifest and other content" not in [c.name for c in verified(file).claims]
    with_manifest(file, schema=1)
    (claim,) = [c for c in verified(file).claims if c.name == "manifest and other content"]
    assert claim.status == "not checked"
    assert "older edgezoo" in claim.reason


def test_changed_labels_in_the_file_fail(copy: Callable[[str], Path]) -> None:
    file = copy("float32.tflite")
    with_manifest(file, attachments={"labels.txt": "0" * 64})
    assert "other content" in failing(verified(file))


def test_labels_in_another_order_fail_behind_a_right_hash(copy: Callable[[str], Path]) -> None:
    from zoo.exporters.tflite.contents import _parts, with_appended

    file, found = copy("float32.tflite"), {}
    for order, names in (("right", "0123456789"), ("turned", "1234567890")):
        payload, appended = _parts(file)
        labels = "\n".join(names).encode()
        file.write_bytes(with_appended(payload, {**appended, "labels.txt": labels}))
        with_manifest(file, attachments={"labels.txt": hashlib.sha256(labels).hexdigest()})
        found[order] = failing(verified(file))
    assert found["right"] == []
    assert found["turned"] == ["labels"]

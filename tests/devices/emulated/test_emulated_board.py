"""Emulated boards for real: built from nothing, killed on the way, and asked for answers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apt_repository
import numpy as np
import pytest

from zoo import bench, export
from zoo.analysis.verify.verify import verify
from zoo.common.errors import ZooError
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs
from zoo.devices.emulated import root_filesystem as emulated_root
from zoo.devices.emulated.boards import AARCH64
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.session import AgentSession
from zoo.registry import PluginSettings, load_registry
from zoo.testing.devices import DEVICE_CHECKS, check_device

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(apt_repository.why_not()), reason=apt_repository.why_not() or ""),
]
for module in ("tensorflow", "ai_edge_litert", "onnxruntime"):
    pytest.importorskip(module)
REGISTRY = load_registry(PluginSettings(installed=False))
FILES = ("float32.tflite", "int8.tflite", "float32.onnx")
#: What one step of an 8-bit probability is.
STEP = 1 / 256


def zoo(*words: str) -> list[str]:
    return [sys.executable, "-m", "zoo", *words]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("ZOO_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def killed(home: Path) -> dict[str, int]:
    """A setup that is killed when Debian's packages are there: those, with their times."""
    process = subprocess.Popen(
        zoo("devices", "setup", "emulated-pi4"),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("unpacking"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    archives = home.glob("cache/emulated/building/aarch64/packages/cache/archives/*.deb")
    found = {file.name: file.stat().st_mtime_ns for file in archives}
    with pytest.raises(ZooError, match="not set up"):
        device_named(REGISTRY, "emulated-pi4").connect()
    return found


@pytest.fixture(scope="module")
def pi4(home: Path, killed: dict[str, int]) -> Device:
    device = device_named(REGISTRY, "emulated-pi4")
    assert device.kind.prepares
    device.setup(print)
    return device


@pytest.fixture(scope="module")
def files(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-5 with its packaged weights, in each format and precision."""
    run = export(
        "lenet5.fashion_mnist",
        output=tmp_path_factory.mktemp("files"),
        format=("tflite", "onnx"),
        precision=("float32", "int8"),
        device=(),
        registry=REGISTRY,
    )
    return run.folder


@pytest.fixture(scope="module")
def images(files: Path) -> np.ndarray:
    from zoo.artifacts.artifact import open_artifact

    artifact = open_artifact(REGISTRY, files / "lenet5.fashion_mnist.int8.tflite")
    assert artifact.manifest is not None
    split = open_dataset(REGISTRY, "fashion_mnist").splits["test"]
    return read_inputs(split, artifact.manifest.preprocessing, range(32))


def answers(device: Device, runtime: str, path: Path, images: np.ndarray) -> np.ndarray:
    transport = device.connect()
    try:
        with AgentSession(transport, runtime) as session:
            session.load(path)
            return session.run(images)
    finally:
        transport.close()


def runtime_here(name: str) -> str:
    return "onnxruntime" if name.endswith("onnx") else "litert"


def test_what_was_fetched_before_the_kill_is_used_again(
    home: Path, killed: dict[str, int], pi4: Device
) -> None:
    assert len(killed) > 20
    ready = emulated_root.root_of(AARCH64).ready()
    assert ready is not None
    assert {package.file for package in ready.packages} == set(killed)
    hashes = [each.sha256 for each in (*ready.packages, *ready.wheels)]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes)
    assert set(ready.runtimes) == {"litert", "tflite-runtime", "onnxruntime"}


def test_a_second_setup_fetches_nothing(pi4: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    told: list[str] = []
    assert pi4.kind.prepares
    assert "its times are emulated" in pi4.setup(told.append)
    assert told == []


@pytest.mark.parametrize("name", FILES)
def test_answers_are_the_hosts(pi4: Device, files: Path, images: np.ndarray, name: str) -> None:
    path = files / f"lenet5.fashion_mnist.{name}"
    host = device_named(REGISTRY, None)
    expected = answers(host, runtime_here(name), path, images)
    runtimes = [r for r in pi4.runtimes() if (r == "onnxruntime") == name.endswith("onnx")]
    for runtime in runtimes:
        found = answers(pi4, runtime, path, images)
        apart = float(np.abs(found - expected).max())
        print(f"{name} in {runtime}: {apart:.2g}")
        if runtime == runtime_here(name):
            assert apart <= (STEP if "int8" in name else 1e-5)
        # Another runtime, older by years, has other kernels: it decides the same.
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


def weights_of(path: Path, layer: str) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    file = Interpreter(str(path))
    file.allocate_tensors()
    (detail,) = (d for d in file.get_tensor_details() if f"/{layer}_1/MatMul" in d["name"])
    return file.get_tensor(detail["index"])


def test_other_weights_are_no_rounding(
    pi4: Device, files: Path, images: np.ndarray, tmp_path: Path
) -> None:
    path = files / "lenet5.fashion_mnist.float32.tflite"
    data = bytearray(path.read_bytes())
    expected = answers(pi4, "litert", path, images[:4])
    weights = weights_of(path, "c5")
    at = data.index(weights.tobytes())
    data[at : at + weights.nbytes] = (weights * np.float32(1.01)).tobytes()
    altered = tmp_path / "altered.tflite"
    altered.write_bytes(data)
    assert np.abs(answers(pi4, "litert", altered, images[:4]) - expected).max() > 1e-5


def test_golden_answers_are_verified_there(pi4: Device, files: Path) -> None:
    path = files / "lenet5.fashion_mnist.int8.tflite"
    found = verify(path, device="emulated-pi4", runtime="litert", registry=REGISTRY)
    claims = {claim.name: claim for claim in found.claims}
    assert found.passed
    assert claims["golden outputs in litert"].status == "holds"


def test_times_are_called_emulated(pi4: Device, files: Path) -> None:
    path = files / "lenet5.fashion_mnist.int8.tflite"
    (timing,) = bench([path], device=["emulated-pi4"], tier="brief", registry=REGISTRY)
    measured = timing.measurement
    assert measured is not None
    assert (measured.clock, measured.verdict) == ("emulated", "emulated")
    assert measured.environment["cpu"].startswith("Cortex-A72, emulated by QEMU")
    assert measured.answers is not None
    assert (measured.answers.max_abs or 0.0) <= (measured.answers.limit or 0.0)
    shown = subprocess.run(
        zoo("bench", str(path), "--device", "emulated-pi4", "--tier", "brief"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "EMULATED" in shown.stdout
    assert "never ranked or compared" in shown.stdout
    budget = subprocess.run(
        zoo("compare", str(path), str(path), "--device", "emulated-pi4"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert budget.returncode != 0
    assert "are emulated: they cannot be compared" in budget.stderr


def test_another_board_needs_no_other_root(pi4: Device, files: Path, images: np.ndarray) -> None:
    pi5 = device_named(REGISTRY, "emulated-pi5")
    path = files / "lenet5.fashion_mnist.int8.tflite"
    apart = np.abs(answers(pi5, "litert", path, images) - answers(pi4, "litert", path, images))
    assert apart.max() <= STEP
    with AgentSession(pi5.connect(), "litert") as session:
        about = session.describe()
        # It has the atomic instructions that LiteRT's fastest call needs; the one above has not.
        assert session.load(path, purpose="timing").api == "CompiledModel.run_by_name"
    assert "asimddp" in about["flags"]
    assert pi5.fingerprint() != pi4.fingerprint()
    with AgentSession(pi4.connect(), "litert") as session:
        assert session.load(path, purpose="timing").api == "Interpreter.invoke"


def test_armv7_has_a_runtime_of_its_own(home: Path, files: Path, images: np.ndarray) -> None:
    pi2 = device_named(REGISTRY, "emulated-pi2")
    told: list[str] = []
    assert pi2.kind.prepares
    pi2.setup(told.append)
    assert list(pi2.runtimes()) == ["tflite-runtime"]
    assert any("no wheel of ai-edge-litert" in line for line in told)
    path = files / "lenet5.fashion_mnist.float32.tflite"
    host = answers(device_named(REGISTRY, None), "litert", path, images)
    assert np.abs(answers(pi2, "tflite-runtime", path, images) - host).max() <= 1e-5


@pytest.mark.parametrize("check", DEVICE_CHECKS)
def test_conformance(pi4: Device, check: str) -> None:
    check_device("emulated-pi4", check, registry=REGISTRY)


def test_an_emulator_that_is_gone(pi4: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = emulated_root.emulators()
    if not folder.exists():
        pytest.skip("QEMU's user mode is installed on this machine")
    aside = folder.with_name("aside")
    folder.rename(aside)
    try:
        with pytest.raises(ZooError, match="the emulator is not there"):
            pi4.connect()
    finally:
        aside.rename(folder)

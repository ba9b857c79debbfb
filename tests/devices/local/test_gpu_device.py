"""The GPU as a device: what is refused, and what proves that operators ran there."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from measured import measure

from zoo.common.errors import ZooError
from zoo.contracts import DeviceKind
from zoo.devices.agent.zoo_agent import vulkan
from zoo.devices.agent.zoo_agent.common import AgentError
from zoo.devices.agent.zoo_agent.runtimes import onnxruntime_webgpu
from zoo.devices.agent.zoo_agent.runtimes.litert import gpu_placement
from zoo.devices.local import gpu, nvidia
from zoo.devices.local.gpu import GpuTransport, NoGpu
from zoo.devices.local.transport import MODULES
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.failures import AgentRefused
from zoo.execution.probes import BIAS, PROBES, TOLERANCE, WEIGHTS
from zoo.execution.session import AgentSession
from zoo.registry import load_registry

#: As LiteRT 2.3 prints them.
ADAPTER = (
    "I0000 00:00:1795385676.538753 15198 environment.cc:532] Selected adapter: {}, arch=x, "
    "vendor=y, backend=Vulkan, adapterType={}\n"
)
NONE_TAKEN = (
    "ERROR: Following operations are not supported by GPU delegate:\n"
    "CAST: Tensor type(INT64) is not supported. x\n"
    "No operations will run on the GPU, and all 1 operations will run on the CPU.\n"
)
SOME_TAKEN = (
    "ERROR: Following operations are not supported by GPU delegate:\n"
    "ARG_MAX: Tensor type(INT64) is not supported. Identity\n"
    "2 operations will run on the GPU, and the remaining 1 operations will run on the CPU.\n"
)
#: Where Chromium lies in distributions.
SWIFTSHADER = tuple(
    Path(folder) / "vk_swiftshader_icd.json"
    for folder in ("/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome")
)
FakeRuntime = Callable[[str, str], None]
GpuSupport = tuple[dict[str, str], dict[str, str]]


def kind() -> DeviceKind:
    """Of GPUs, which has tried none yet."""
    return load_registry().devices.get("gpu")


@pytest.fixture(scope="module")
def no_graphics() -> None:
    """A machine without a GPU, as most that test this are."""
    try:
        pytest.skip(f"a GPU is here: {kind().driver_of({}).runtimes()}")
    except NoGpu:
        return


@pytest.fixture(scope="module")
def graphics() -> GpuSupport:
    """Runtimes that ran a layer on a GPU of this machine, and why others did not."""
    found: GpuSupport = kind().driver_of({}).gpu_support
    return found


@pytest.mark.usefixtures("no_graphics")
class TestRefusals:
    """A GPU was asked for; whatever else computes gets no number."""

    @pytest.mark.parametrize(
        ("runtime", "name", "said"),
        [
            ("litert", "dense", "no GPU|imitates a GPU"),
            ("onnxruntime", "onnx", "has no GPU support|could not start"),
            ("openvino", "onnx", "no GPU"),
            ("tflite-micro", "dense", "runs on no GPU"),
        ],
    )
    def test_without_a_gpu(
        self, files: dict[str, Path], runtime: str, name: str, said: str
    ) -> None:
        if importlib.util.find_spec(MODULES[runtime]) is None:
            pytest.skip(f"{runtime} is not installed")
        with AgentSession(GpuTransport(), runtime) as session:
            with pytest.raises(AgentRefused, match=said) as caught:
                session.load(files[name], purpose="timing")
            assert caught.value.kind == "NotOnGpu"
            assert caught.value.fix
            session.describe()  # A refusal is an answer: the agent goes on.

    def test_a_provider_that_falls_back(
        self, fake_runtime: FakeRuntime, files: dict[str, Path]
    ) -> None:
        """ONNX Runtime built for CUDA starts without it, warns, and computes on the processor."""
        fake_runtime("", "pass")
        place = Path(os.environ["PYTHONPATH"]) / "onnxruntime.py"
        code = place.read_text().replace(
            'return ["CPUExecutionProvider"]',
            'return ["CUDAExecutionProvider", "CPUExecutionProvider"]',
            1,
        )
        code = code.replace("options, providers):", "options, providers, provider_options=None):")
        place.write_text(code)
        with (
            AgentSession(GpuTransport(), "onnxruntime") as session,
            pytest.raises(AgentRefused, match="could not start CUDAExecutionProvider and uses CPU"),
        ):
            session.load(files["onnx"], purpose="timing")

    def test_measuring_ends_in_a_named_error(self, files: dict[str, Path]) -> None:
        device = Device(name="gpu", kind=kind())
        with pytest.raises(ZooError, match="GPU"):
            measure(device, files["onnx"], runtime="onnxruntime", threads=1, tier="brief")

    def test_nothing_that_runs_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gpu, "GPU_RUNTIMES", {"onnxruntime": gpu.GPU_RUNTIMES["onnxruntime"]})
        with pytest.raises(NoGpu) as caught:
            device_named(load_registry(), "gpu").runtimes()
        assert "onnxruntime: " in str(caught.value.why)
        assert "zoo devices doctor gpu" in str(caught.value.fix)


class TestWebGpuOfOnnxRuntime:
    """It does not tell which adapter it takes; Vulkan's loader tells which there are."""

    REAL, IMITATED = vulkan.Adapter("NVIDIA L4", False), vulkan.Adapter("llvmpipe", True)

    @pytest.fixture
    def listed(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Makes Vulkan list adapters, the first time and after imitations were left out."""

        def lists(first: list[vulkan.Adapter], then: list[vulkan.Adapter]) -> None:
            told = iter((first, then))
            monkeypatch.setattr(sys, "platform", "linux")
            monkeypatch.setattr(onnxruntime_webgpu, "adapters", lambda: next(told))
            monkeypatch.setattr(onnxruntime_webgpu, "without_imitations", lambda: None)

        return lists

    def test_a_real_one_is_named(self, listed: Callable[..., None]) -> None:
        listed([self.REAL, self.IMITATED], [self.REAL])
        found = onnxruntime_webgpu.where(False)
        assert found == {
            "name": "NVIDIA L4 (Vulkan)",
            "adapter": "NVIDIA L4",
            "software": False,
        }

    @pytest.mark.parametrize(
        ("first", "then", "said"),
        [
            ([], [], "lists no GPU"),
            ([IMITATED], [], "llvmpipe is the processor, which imitates a GPU"),
            ([REAL, IMITATED], [REAL, IMITATED], "beside a real one"),
        ],
        ids=["none", "imitated", "both"],
    )
    def test_what_is_no_gpu_is_refused(
        self,
        listed: Callable[..., None],
        first: list[vulkan.Adapter],
        then: list[vulkan.Adapter],
        said: str,
    ) -> None:
        listed(first, then)
        with pytest.raises(AgentError, match=said) as caught:
            onnxruntime_webgpu.where(False)
        assert caught.value.kind == "NotOnGpu"

    def test_an_imitated_one_on_request(self, listed: Callable[..., None]) -> None:
        listed([self.IMITATED], [])
        assert onnxruntime_webgpu.where(True)["name"] == "llvmpipe (Vulkan), software"

    def test_another_onnxruntime_is_told_apart(self, files: dict[str, Path]) -> None:
        with (
            AgentSession(GpuTransport(Path(sys.executable)), "onnxruntime-webgpu") as session,
            pytest.raises(AgentRefused, match="zoo devices setup gpu"),
        ):
            session.load(files["onnx"], purpose="timing")

    def test_it_is_no_runtime_of_the_processor(self, files: dict[str, Path]) -> None:
        assert "onnxruntime-webgpu" not in device_named(load_registry(), "host").runtimes()

    @pytest.mark.slow
    def test_for_real_on_an_imitated_gpu(
        self, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The plumbing: operators ran there by the profile, and answers are right."""
        place = next((path for path in SWIFTSHADER if path.is_file()), None)
        if place is None:
            pytest.skip("needs SwiftShader's Vulkan driver, which Chromium brings")
        monkeypatch.delenv("ZOO_OFFLINE", raising=False)
        device = Device(name="imitated", kind=kind(), options={"software": True})
        try:
            device.setup(lambda words: None)
        except ZooError as error:
            pytest.skip(f"{error.what}: {error.why}")
        for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"):
            monkeypatch.setenv(name, str(place))
        inputs = np.random.default_rng(0).normal(size=(4, len(WEIGHTS[0]))).astype(np.float32)
        expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
        with AgentSession(device.connect(), "onnxruntime-webgpu") as session:
            try:
                session.load(PROBES / "dense.onnx", purpose="timing")
            except AgentRefused as refusal:
                pytest.skip(f"no Vulkan loader here: {refusal.what}")
            assert np.abs(session.run(inputs) - expected).max() <= TOLERANCE
            where = session.locate()
        assert where["software"]
        assert where["delegated"] == where["operators"] > 0
        assert where["later_load_ns"] > 0
        with (
            AgentSession(GpuTransport(), "onnxruntime-webgpu") as session,
            pytest.raises(AgentRefused, match="imitates a GPU"),
        ):
            session.load(PROBES / "dense.onnx", purpose="timing")


class TestLiteRtPlacement:
    """What LiteRT prints is the proof; without the words for it there is none."""

    def test_all_operators(self) -> None:
        found = gpu_placement(ADAPTER.format("NVIDIA L4", "discrete GPU"), 11)
        assert (found["delegated"], found["operators"], found["software"]) == (11, 11, False)
        assert found["name"] == "NVIDIA L4 (Vulkan)"

    def test_an_imitated_gpu(self) -> None:
        found = gpu_placement(ADAPTER.format("SwiftShader Device", "CPU / Software"), 11)
        assert found["software"]
        assert "software" in found["name"]

    def test_none(self) -> None:
        found = gpu_placement(ADAPTER.format("NVIDIA L4", "discrete GPU") + NONE_TAKEN, 1)
        assert found["delegated"] == 0
        assert found["unsupported"] == ["CAST: Tensor type(INT64) is not supported. x"]

    def test_some(self) -> None:
        found = gpu_placement(ADAPTER.format("NVIDIA L4", "discrete GPU") + SOME_TAKEN, 3)
        assert (found["delegated"], found["operators"]) == (2, 3)
        assert found["unsupported"][0].startswith("ARG_MAX")


class TestNvidia:
    """A line of ``nvidia-smi``, as the driver's manual gives it."""

    LINE = "NVIDIA L4, 550.54, 71, 2040, 2040, 68.50, P0, {}\n"

    def test_quiet(self) -> None:
        found = nvidia.condition_of(self.LINE.format("0x0000000000000000"))
        assert found.faults == ()
        assert found.readings["gpu"] == "NVIDIA L4"
        assert (found.readings["gpu_c"], found.readings["gpu_watts"]) == (71.0, 68.5)

    def test_idle_clocks_are_no_fault(self) -> None:
        assert nvidia.condition_of(self.LINE.format("0x0000000000000001")).faults == ()

    def test_heat_and_power_are(self) -> None:
        found = nvidia.condition_of(self.LINE.format("0x0000000000000024"))
        assert found.faults == ("the GPU is slowed down by its power limit, heat",)

    @pytest.mark.parametrize("text", ["", "No devices were found\n", "a, b\n"])
    def test_other_words(self, text: str) -> None:
        assert nvidia.condition_of(text).readings == {}

    def test_what_a_gpu_does_not_tell_is_left_out(self) -> None:
        line = "Orin, [N/A], 50, 900, [N/A], [Not Supported], P0, [N/A]\n"
        assert set(nvidia.condition_of(line).readings) == {"gpu", "gpu_c", "gpu_mhz", "gpu_state"}


def test_imitated_gpus_make_noise() -> None:
    assert gpu.SOFTWARE_GPU_FAULT in GpuTransport(software=True).condition().faults
    assert gpu.SOFTWARE_GPU_FAULT not in GpuTransport().condition().faults


def test_a_gpu_is_never_where_files_are_judged() -> None:
    assert not kind().local


@pytest.mark.gpu
@pytest.mark.parametrize("runtime", sorted(gpu.GPU_RUNTIMES))
def test_answers_and_proof_on_a_real_gpu(graphics: GpuSupport, runtime: str) -> None:
    ran, refusals = graphics
    if runtime not in ran:
        pytest.skip(f"{runtime}: {refusals[runtime]}")
    inputs = np.random.default_rng(2).normal(size=(7, len(WEIGHTS[0]))).astype(np.float32)
    expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
    with AgentSession(kind().driver_of({}).connect(), runtime) as session:
        session.load(gpu.GPU_RUNTIMES[runtime], purpose="timing")
        np.testing.assert_allclose(session.run(inputs), expected, atol=1e-2)
        run = session.bench(min_runs=5, min_seconds=0.0, max_seconds=60.0, warmup_seconds=0.05)
        assert run.accelerated
        assert session.locate()["delegated"] > 0

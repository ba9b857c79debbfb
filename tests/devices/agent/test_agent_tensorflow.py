"""TensorFlow in the agent: what it answers, what it refuses, and where it says that it ran."""

from __future__ import annotations

import importlib.util
import shutil
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zoo.benchmark.keras_baseline import write_reference
from zoo.common.worker import Children
from zoo.devices.agent.zoo_agent.common import AgentError
from zoo.devices.agent.zoo_agent.description import describe
from zoo.devices.agent.zoo_agent.runtimes import tensorflow as code
from zoo.devices.agent.zoo_agent.runtimes.base import Options
from zoo.devices.agent.zoo_agent.runtimes.table import OWN, REFERENCE
from zoo.devices.local.gpu import GpuTransport
from zoo.devices.local.host import HostTransport
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession
from zoo.registry import load_registry

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed"
)


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


class TestUnpacking:
    def test_everything_is_there_and_goes_away(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", {"saved_model.pb": b"1", "variables/index": b"2"})
        with code.unpacked(str(path)) as folder:
            there = Path(folder)
            assert (there / "saved_model.pb").read_bytes() == b"1"
            assert (there / "variables" / "index").read_bytes() == b"2"
        assert not there.exists()

    @pytest.mark.parametrize(
        "name", ["../out", "a/../../out", "/tmp/out", "C:/out", "..\\out", "a\\..\\..\\out"]
    )
    def test_names_that_lead_out(self, tmp_path: Path, name: str) -> None:
        path = zipped(tmp_path / "a.zip", {"fine": b"", name: b"x"})
        with pytest.raises(AgentError, match="leads out of it") as refusal:
            code.unpacked(str(path)).__enter__()
        assert refusal.value.kind == "CannotLoad"
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]

    def test_links(self, tmp_path: Path) -> None:
        link = zipfile.ZipInfo("variables")
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(link, "/etc")
        with pytest.raises(AgentError, match=r"'variables' in a\.zip leads out"):
            code.unpacked(str(tmp_path / "a.zip")).__enter__()

    def test_what_would_fill_the_disk(self, tmp_path: Path) -> None:
        members = {"saved_model.pb": bytes(1 << 20)}
        path = zipped(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED)
        with pytest.raises(AgentError, match="more than it holds"):
            code.unpacked(str(path)).__enter__()


def node(op: str, device: str = "CPU:0") -> SimpleNamespace:
    return SimpleNamespace(op=op, device=f"/job:localhost/replica:0/task:0/device:{device}")


class TestPlacement:
    """What TensorFlow tells of its nodes; the nodes themselves are made up: no GPU is here."""

    def placed(self, *nodes: SimpleNamespace, where: str = "NVIDIA L4") -> dict[str, Any]:
        model = object.__new__(code._TensorFlowModel)
        model._where, model._placed = where, lambda: (list(nodes), 7)  # type: ignore[method-assign]
        return model.locate()

    def test_all_on_the_gpu(self) -> None:
        told = self.placed(node("Conv2D", "GPU:0"), node("Softmax", "GPU:0"))
        assert (told["name"], told["operators"], told["delegated"]) == ("NVIDIA L4", 2, 2)
        assert (told["remaining"], told["later_load_ns"]) == ([], 7)

    def test_some_on_the_gpu(self) -> None:
        told = self.placed(node("Conv2D", "GPU:0"), node("Unique"), node("Conv2D", "GPU:0"))
        assert (told["delegated"], told["remaining"]) == (2, ["Unique"])
        assert told["kernels"] == {"Conv2D": 2, "Unique": 1}

    def test_none_on_the_gpu_is_refused(self) -> None:
        with pytest.raises(AgentError, match="all 2 operators on the CPU") as refusal:
            self.placed(node("Conv2D"), node("Softmax"))
        assert refusal.value.kind == "NotOnGpu"

    @pytest.mark.parametrize("op", ["Const", "NoOp", "_Arg", "_HostRecv", "_Send", "Identity"])
    def test_what_computes_nothing(self, op: str) -> None:
        assert code.NO_WORK.fullmatch(op)

    @pytest.mark.parametrize("op", ["IdentityN", "_FusedConv2D", "ConcatV2", "Recv"])
    def test_what_computes_or_is_not_known(self, op: str) -> None:
        assert not code.NO_WORK.fullmatch(op)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], tuple[str, list[str]]]:
    """Asks for a GPU of a TensorFlow that sees two of them: its name, and what was set."""

    def choose(number: int) -> tuple[str, list[str]]:
        done: list[str] = []
        gpus = ["first", "second"]
        config = SimpleNamespace(
            list_physical_devices=lambda kind: gpus,
            set_visible_devices=lambda chosen, kind: done.append(f"sees {chosen}"),
            set_soft_device_placement=lambda on: done.append(f"soft {on}"),
            experimental=SimpleNamespace(
                set_memory_growth=lambda gpu, on: done.append(f"grows {gpu}"),
                get_device_details=lambda gpu: {"device_name": f"{gpu} GPU"},
            ),
        )
        model = object.__new__(code._TensorFlowModel)
        model._tf = types.SimpleNamespace(config=config)
        return model._choose_gpu(number), done

    return choose


def test_one_gpu_is_chosen(two_gpus: Callable[[int], tuple[str, list[str]]]) -> None:
    name, done = two_gpus(1)
    assert name == "second GPU"
    assert done == ["sees ['second']", "grows second", "soft False"]


def test_a_gpu_that_is_not_there(two_gpus: Callable[[int], tuple[str, list[str]]]) -> None:
    with pytest.raises(AgentError, match="finds 2 of them, and no GPU 2"):
        two_gpus(2)


@pytest.fixture(scope="module")
def lenet5(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packaged network as a reference, in a folder of its own."""
    registry = load_registry()
    from zoo.networks.checkpoints import resolve

    _, _, checkpoint = resolve(registry, "lenet5.fashion_mnist")
    assert checkpoint is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        yield write_reference(registry, checkpoint, Children())


@pytest.fixture(scope="module")
def tensorflow(lenet5: Path) -> Iterator[AgentSession]:
    with AgentSession(HostTransport(), "tensorflow") as session:
        session.load(lenet5)
        yield session


@needs_tensorflow
@pytest.mark.slow
class TestNetwork:
    """LeNet-5 as it was trained."""

    def test_its_answers_are_those_of_keras(self, tensorflow: AgentSession, lenet5: Path) -> None:
        stored = np.load(lenet5.with_name("answers.npz"))
        assert stored["inputs"].dtype == np.uint8
        assert stored["inputs"].shape == (3, 28, 28, 1)
        found = tensorflow.run(stored["inputs"])
        np.testing.assert_allclose(found, stored["outputs"], atol=1e-5)
        assert np.abs(found - tensorflow.run(255 - stored["inputs"])).max() > 0.01

    def test_what_it_takes(self, tensorflow: AgentSession, lenet5: Path) -> None:
        loaded = tensorflow.load(lenet5)
        assert [tensor.name for tensor in loaded.inputs] == ["pixels"]
        assert loaded.inputs[0].shape[1:] == (28, 28, 1)
        assert loaded.outputs[0].shape[1:] == (10,)
        assert loaded.batch == 1

    def test_batches(self, tensorflow: AgentSession, lenet5: Path) -> None:
        stored = np.load(lenet5.with_name("answers.npz"))
        assert tensorflow.load(lenet5, batch=2).batch == 2
        found = tensorflow.run(stored["inputs"])
        np.testing.assert_allclose(found, stored["outputs"], atol=1e-5)
        tensorflow.load(lenet5)

    def test_where_it_ran(self, tensorflow: AgentSession) -> None:
        told = tensorflow.locate()
        assert told["name"] == "CPU"
        assert told["operators"] >= 8
        assert sum("Conv2D" in name for name in told["kernels"]) == 1
        assert sum(count for name, count in told["kernels"].items() if "Conv2D" in name) == 2

    def test_it_is_timed(self, tensorflow: AgentSession) -> None:
        timed = tensorflow.bench(min_runs=20, min_seconds=0, max_seconds=20, warmup_seconds=0.01)
        assert timed.floors_met
        assert timed.own_threads
        assert not timed.accelerated

    def test_no_profile(self, tensorflow: AgentSession) -> None:
        with pytest.raises(AgentRefused, match="does not tell") as refusal:
            tensorflow.profile()
        assert refusal.value.kind == "NoProfile"

    def test_threads_are_set_once(self, tensorflow: AgentSession, lenet5: Path) -> None:
        with pytest.raises(AgentRefused, match="cannot be modified after initialization"):
            tensorflow.load(lenet5, threads=2)
        tensorflow.load(lenet5)

    def test_what_is_no_network(self, tensorflow: AgentSession, lenet5: Path) -> None:
        broken = lenet5.with_name("broken.zip")
        broken.write_bytes(lenet5.read_bytes()[:1000])
        with pytest.raises(AgentRefused, match="not a zip file"):
            tensorflow.load(broken)
        zipped(broken, {"readme": b"hello"})
        with pytest.raises(AgentRefused, match=r"saved_model\.pb"):
            tensorflow.load(broken)
        tensorflow.load(lenet5)

    def test_no_gpu_is_a_refusal(self, lenet5: Path) -> None:
        if shutil.which("nvidia-smi"):
            pytest.skip("there may be a GPU here")
        with AgentSession(GpuTransport(), "tensorflow") as session:
            with pytest.raises(AgentRefused, match="TensorFlow finds no GPU") as refusal:
                session.load(lenet5)
            assert refusal.value.kind == "NotOnGpu"


def test_it_is_no_runtime_of_files() -> None:
    """A device that has nothing else can run no file, and must not look ready."""
    about = describe("litert", list(OWN.values()), Options())
    assert REFERENCE not in about["runtimes"]
    assert REFERENCE not in load_registry().devices.get("host").driver_of({}).runtimes()

"""Networks of PyTorch, opened by PyTorch itself."""

from __future__ import annotations

import pickle
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_networks as makers

from zoo.common.errors import BadFile, Unsupported, UsageError
from zoo.plugins.torch_files.opening import open_network
from zoo.plugins.torch_files.process import TorchProcess

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``net.py`` with weights, archives and others' files of it."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("torch")
    torch.manual_seed(1)
    module = makers.built(makers.module_file(folder))
    for layer in module:
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2.0)
    module.eval()
    state = module.state_dict()
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, folder / "w.pth"
    )
    save_file(state, folder / "w.safetensors")
    torch.save(module, folder / "whole.pth")
    less = {key: value for key, value in state.items() if key != "10.bias"}
    torch.save({**less, "more": torch.ones(1)}, folder / "less.pth")
    torch.save({**state, "10.bias": torch.ones(11)}, folder / "wide.pth")
    makers.save_archive(module, folder / "net.pt2", 1, 28, 28)
    makers.save_archive(module, folder / "any.pt2", 1, 28, 28, batch=True)
    torch.jit.trace(module, torch.rand(1, 1, 28, 28)).save(folder / "script.pt")
    return folder


@pytest.fixture(scope="module")
def process() -> Iterator[TorchProcess]:
    process = TorchProcess("net")
    yield process
    process.close()


def opened(
    process: TorchProcess, file: Path, weights: Path | None = None, name: str = "build"
) -> Any:
    kind = "archive" if file.suffix == ".pt2" else "module"
    given = None if weights is None else str(weights)
    return process.ask("open", "opened", kind=kind, file=str(file), function=name, weights=given)


def test_it_answers_as_pytorch_and_keeps_its_batch_normalization(folder: Path) -> None:
    images = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    made = []
    for reference in ("net.pt2", "any.pt2", "net.py:build?weights={}/w.pth"):
        network = open_network(f"{folder}/{reference.format(folder)}").with_shape((28, 28, 1))
        assert network.inputs[0].shape[1:] == (28, 28, 1)
        answers = network.answers(images)
        made.append(answers)
        model = network.model
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds.count("BatchNormalization") == 2
        assert "Dense" in kinds
        assert "Permute" not in "".join(kinds[1:5])
        apart = np.abs(np.asarray(model(images)) - answers).max()
        assert apart <= 1e-5 * np.abs(answers).max()
    assert made[0].shape == (5, 10)
    np.testing.assert_allclose(made[0], made[1], atol=1e-6)
    np.testing.assert_allclose(made[0], made[2], atol=1e-6)


def test_weights_that_do_not_fit(folder: Path, process: TorchProcess) -> None:
    net = folder / "net.py"
    assert opened(process, net, folder / "w.safetensors")["channels"] == 1
    with pytest.raises(BadFile, match=r"less\.pth are not the weights") as caught:
        opened(process, net, folder / "less.pth")
    assert caught.value.why == "it lacks 10.bias; the network has no more"
    with pytest.raises(BadFile) as caught:
        opened(process, net, folder / "wide.pth")
    assert caught.value.why == "10.bias has shape (11,), and (10,) is needed"
    (folder / "cut.pth").write_bytes((folder / "w.pth").read_bytes()[:900])
    shutil.copy(folder / "cut.pth", folder / "cut.safetensors")
    for name, words in (
        ("whole.pth", r"(?s)whole.pth holds more than weights.*torch.nn.modules.container.Seq"),
        ("cut.pth", "cut.pth holds more than weights, or is damaged"),
        ("cut.safetensors", "is no safetensors file, or is damaged"),
        ("script.pt", r"(?s)script.pt holds.*TorchScript.*torch.jit.load\('FILE'\)"),
    ):
        with pytest.raises(BadFile, match=words):
            opened(process, net, folder / name)


def test_whole_modules_are_refused_unopened(folder: Path) -> None:
    with pytest.raises(BadFile) as caught:
        open_network(str(folder / "whole.pth"))
    assert "whole pickled module (torch.nn.modules" in str(caught.value.why)
    with pytest.raises(BadFile, match=r"script\.pt is no network") as caught:
        open_network(str(folder / "script.pt"))
    assert "TorchScript" in str(caught.value.why)
    with pytest.raises(BadFile) as caught:
        open_network(str(folder / "w.pth"))
    assert caught.value.why == "it holds weights alone"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("def build(): return 1", "bild", "has no function 'bild'"),
        ("def build(classes, *, width): ...", "build", "needs arguments: classes, width"),
        ("def build():\n    return [1][3]", "build", r"line 2: build\(\) raises IndexError"),
        ("def build(): return {}", "build", r"build\(\) returns no torch.nn.Module"),
        ("import nowhere_to_be_found", "build", "imports 'nowhere_to_be_found'"),
        ("def build(:", "build", "is no Python of this version"),
        ("import torch\nraise ValueError('a')", "build", "line 2: it raises ValueError"),
        ("import sys\nsys.exit('over')", "build", "it raises SystemExit"),
    ],
)
def test_functions_that_make_no_module(
    tmp_path: Path, process: TorchProcess, text: str, name: str, words: str
) -> None:
    file = makers.module_file(tmp_path, text)
    with pytest.raises(UsageError if "Python of" not in words else BadFile, match=words) as caught:
        opened(process, file, name=name)
    assert caught.value.fix


FLAT = """
import torch
from torch import nn
from parts import Noisy

build = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), Noisy())

class Turned(nn.Module):
    def forward(self, x):
        return torch.linalg.svd(x.reshape(-1, 4, 4))[1]

def turned():
    return nn.Sequential(nn.Conv2d(1, 1, 1), Turned())
"""
PARTS = """
import torch

class Noisy(torch.nn.Module):
    def forward(self, x):
        print("as many print")
        return x + torch.rand_like(x)
"""


def test_shapes_randomness_and_operators(tmp_path: Path) -> None:
    file = makers.module_file(tmp_path, FLAT)
    makers.module_file(tmp_path, PARTS, "parts.py")
    with pytest.raises(UsageError, match="first layer is no convolution") as caught:
        open_network(f"{file}:build")
    assert "net.py:build?shape=1x28x28" in str(caught.value.fix)
    with pytest.raises(UsageError, match="cannot be run on inputs of shape 3×5"):
        open_network(f"{file}:build?shape=3x5")
    network = open_network(f"{file}:build?shape=4x4")
    batch = np.ones((8, 4, 4), np.float32)
    assert (network.answers(batch) != network.answers(batch)).any()
    with pytest.raises(Unsupported, match=r"_linalg_svd\.default of .1. cannot be brought in"):
        open_network(f"{file}:turned?shape=1x4x4")


KINDS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, *middle, dim=4):
        super().__init__()
        self.module = nn.Sequential(nn.Conv2d(1, 4, 3), *middle)
        self.last = nn.Linear(dim, 3)
    def forward(self, x):
        return self.last(self.module(x).mean((2, 3)))

class Plain(Net):
    def __init__(self):
        super().__init__()
        self.last = nn.Identity()

class Told(Net):
    def forward(self, *, pixels):
        first, rest = super().forward(pixels["all"][0]), None
        return {"a": first, "b": [first * 2, rest]}

class Count(Net):
    def forward(self, x):
        return 3

def double(): return Net().double()
def wrapped(): return nn.DataParallel(torch.compile(Net()))
def integers(): return torch.ao.quantization.quantize_dynamic(Net(), {nn.Linear})
def batch(): return Net(nn.BatchNorm2d(4, track_running_stats=False))
def norm(): return Net(nn.BatchNorm2d(4), nn.Dropout(0.0))
def hollow():
    with torch.device("meta"):
        return Net()
"""


def test_wrapped_and_other_numbers(tmp_path: Path, process: TorchProcess) -> None:
    import torch

    file = makers.module_file(tmp_path, KINDS)
    names: dict[str, Any] = {}
    exec(KINDS, names)
    plain, net = names["Plain"](), names["Net"]()
    torch.save(plain.state_dict(), tmp_path / "plain.pth")
    torch.save({f"_orig_mod.module.{k}": v for k, v in net.state_dict().items()}, tmp_path / "w.pt")
    # All its names begin as DataParallel's do.
    opened(process, file, tmp_path / "plain.pth", name="Plain")
    images = np.random.default_rng(0).random((2, 9, 9, 1), np.float32)
    for name in ("double", "wrapped"):
        network = open_network(f"{file}:{name}?weights={tmp_path}/w.pt&shape=1x9x9")
        assert network.inputs[0].shape[0] is None  # what torch.compile makes has a fixed batch
        own = net(torch.from_numpy(images.transpose(0, 3, 1, 2)))
        np.testing.assert_allclose(network.answers(images), own.detach(), atol=1e-6)
    for name, words in (
        ("integers", "net.py:integers is quantized already"),
        ("hollow", "is on the device 'meta'"),
        ("Count", "net.py:Count gives no tensor"),
        ("batch", r"net.py:batch: the operator batch_norm of 'module.1' computes as in training"),
    ):
        with pytest.raises((UsageError, Unsupported), match=words):
            open_network(f"{file}:{name}?shape=1x9x9")


def test_archives_of_all_signatures(tmp_path: Path) -> None:
    import torch

    names: dict[str, Any] = {}
    exec(KINDS, names)
    told, norm, net = names["Told"]().eval(), names["norm"](), names["Net"]().eval()
    sample = torch.rand(1, 1, 9, 9)
    given = {"pixels": {"all": [sample]}}
    torch.export.save(torch.export.export(told, (), given), tmp_path / "told.pt2")
    network = open_network(str(tmp_path / "told.pt2"))
    batch = sample.numpy()
    made = network.as_given.run({network.as_given.inputs[0].name: batch})
    first, second = made.values()
    own = told(**given)
    np.testing.assert_allclose(first, own["a"].detach(), atol=1e-6)
    np.testing.assert_allclose(second, own["b"][0].detach(), atol=1e-6)

    half = torch.export.export(net.bfloat16(), (sample.bfloat16(),))
    torch.export.save(half, tmp_path / "half.pt2")
    network = open_network(str(tmp_path / "half.pt2"))
    own = net(sample.bfloat16()).float().detach()
    np.testing.assert_allclose(network.answers(batch.transpose(0, 2, 3, 1)), own, atol=1e-6)

    sides = {2: torch.export.Dim("h", min=8, max=99), 3: torch.export.Dim("w", min=8, max=99)}
    free = torch.export.export(norm.eval(), (sample,), dynamic_shapes=(sides,))
    torch.export.save(free, tmp_path / "free.pt2")
    assert open_network(str(tmp_path / "free.pt2")).inputs[0].shape == (1, None, None, 1)
    torch.export.save(torch.export.export(norm.train(), (sample,)), tmp_path / "train.pt2")
    with pytest.raises(Unsupported, match=r"batch_norm of 'module.1' computes as in training"):
        open_network(str(tmp_path / "train.pt2"))


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def _with(archive: Path, record: str, data: bytes, made: Path) -> Path:
    """An archive with other data in a record."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(made, "w") as new:
        names = [name for name in old.namelist() if not name.endswith(record)]
        root = names[0].partition("/")[0]
        for name in names:
            new.writestr(name, old.read(name))
        new.writestr(f"{root}/{record}", data)
    return made


def test_archives_run_no_code(folder: Path, tmp_path: Path, process: TorchProcess) -> None:
    mark, net = tmp_path / "was-run", folder / "net.pt2"
    evil = pickle.dumps(_Evil(mark), protocol=2)
    zipped = tmp_path / "evil.pt"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("evil/data.pkl", evil)
        archive.writestr("evil/version", b"3\n")
        archive.writestr("evil/byteorder", b"little")
    samples = "data/sample_inputs/model.pt"
    for place, (record, data, words) in enumerate((
        (samples, evil, "cannot be opened"),
        (samples, zipped.read_bytes(), "cannot be opened"),
        ("data/constants/opaque_obj_0", evil, "is refused"),
        ("data/constants/custom_obj_0", evil, "is refused"),
        ("data/aotinductor/model/a.so", b"", "is refused"),
        ("models/model.json", _expression(net, mark), "is refused"),
    )):  # fmt: skip
        with pytest.raises(BadFile, match=words):
            opened(process, _with(net, record, data, tmp_path / f"{place}.pt2"))
        assert not mark.exists()
    cut = tmp_path / "cut.pt2"
    cut.write_bytes(net.read_bytes()[:-300])
    with pytest.raises(BadFile, match="truncated or damaged"):
        opened(process, cut)


def _expression(archive: Path, mark: Path) -> bytes:
    with zipfile.ZipFile(archive) as file:
        text = file.read(next(n for n in file.namelist() if n.endswith("models/model.json")))
    code = f"__import__('pathlib').Path('{mark}').touch()"
    return text.replace(b'{"as_int": 28}', b'{"as_expr": {"expr_str": "%s"}}' % code.encode(), 1)


def test_states_of_layers_before_the_batch(tmp_path: Path) -> None:
    """``nn.GRU`` has series of (steps, batch, …) and states of (layers, batch, …)."""
    import torch

    torch.manual_seed(2)
    layer = torch.nn.GRU(3, 4, num_layers=2).eval()
    given = torch.rand(1, 2, 3), torch.rand(2, 2, 4)
    free = {1: torch.export.Dim("batch")}
    program = torch.export.export(layer, given, dynamic_shapes=(free, free))
    torch.export.save(program, tmp_path / "gru.pt2")
    opened = open_network(str(tmp_path / "gru.pt2")).as_given
    (x, h), (y, hn) = opened.inputs, opened.outputs
    network = opened.batch_first({h.name: hn.name})
    assert [one.shape for one in network.inputs] == [(None, 1, 3), (None, 2, 4)]
    with torch.inference_mode():
        steps, states = layer(*given)
    inputs = {x.name: given[0].numpy().swapaxes(0, 1), h.name: given[1].numpy().swapaxes(0, 1)}
    found = network.run(inputs)
    np.testing.assert_allclose(found[y.name], steps.swapaxes(0, 1), atol=1e-6)
    np.testing.assert_allclose(found[hn.name], states.swapaxes(0, 1), atol=1e-6)
    made = network.model([inputs[x.name], inputs[h.name]])
    for own, name in zip(made, (y.name, hn.name), strict=True):
        np.testing.assert_allclose(own, found[name], atol=1e-5)

"""Files of Keras are read as data before Keras loads them."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadFile, Unsupported, UsageError, ZooError
from zoo.networks.sources import files
from zoo.plugins.keras_files import recognises
from zoo.plugins.keras_files.opening import open_network

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")
pytest.importorskip("tensorflow")
layers = keras.layers


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``net.keras``, ``net.h5`` and ``net.weights.h5``."""
    folder = tmp_path_factory.mktemp("keras")
    model = keras.Sequential([keras.Input((4,), name="numbers"), layers.Dense(3)])
    model.save(folder / "net.keras")
    model.save(folder / "net.h5")
    model.save_weights(folder / "net.weights.h5")
    inputs = keras.Input((4,))
    keras.Model(inputs, layers.Lambda(lambda x: x * 2, name="mine")(inputs)).save(
        folder / "code.keras"
    )
    return folder


@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
def test_a_file_is_opened(saved: Path, name: str) -> None:
    found = open_network(saved / name)
    assert [(t.dtype, t.shape) for t in found.inputs] == [("float32", (None, 4))]
    assert [t.shape for t in found.outputs] == [(None, 3)]
    assert recognises(name)
    assert recognises("A.KERAS")
    assert not recognises("net.pth")


def _cut(saved: Path, file: Path) -> None:
    file.write_bytes((saved / f"net{file.suffix}").read_bytes()[:-400])


def _other(saved: Path, file: Path) -> None:
    file.write_bytes((saved / ("net.h5" if file.suffix == ".keras" else "net.keras")).read_bytes())


def _text(saved: Path, file: Path) -> None:
    file.write_text("no network")


def _empty(saved: Path, file: Path) -> None:
    file.touch()


def _weights(saved: Path, file: Path) -> None:
    file.write_bytes((saved / "net.weights.h5").read_bytes())


def _archive(saved: Path, file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")


def _damaged(saved: Path, file: Path) -> None:
    content = bytearray((saved / "net.keras").read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def _not_json(saved: Path, file: Path) -> None:
    _rewritten(saved, file, "config.json", b"{")


def _rewritten(saved: Path, file: Path, entry: str, content: bytes) -> None:
    with zipfile.ZipFile(saved / "net.keras") as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == entry else old.read(name))


def _linked(saved: Path, file: Path) -> None:
    """Its weights are those of another file on this machine."""
    with zipfile.ZipFile(saved / "net.keras") as archive:
        made = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(made, "r+") as weights:
        place = "layers/dense/vars/0"
        del weights[place]
        weights[place] = h5py.ExternalLink(str(saved / "net.weights.h5"), place)
    _rewritten(saved, file, "model.weights.h5", made.getvalue())


def _unpacking(saved: Path, file: Path) -> None:
    """A tensor of terabytes, none of which is stored; and a group that is a member of itself."""
    shutil.copy(saved / "net.h5", file)
    with h5py.File(file, "r+") as opened:
        opened["model_weights/again"] = opened["/"]
        opened.create_dataset("model_weights/huge", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))


@pytest.mark.parametrize(
    ("spoil", "name", "problem"),
    [
        (_unpacking, "bad.h5", "it unpacks to 4,398,046,511,"),
        (_cut, "bad.keras", "truncated or damaged"),
        (_cut, "bad.h5", "truncated or damaged"),
        (_other, "bad.keras", "name it bad.h5"),
        (_other, "bad.h5", "name it bad.keras"),
        (_text, "bad.keras", "is no file of Keras"),
        (_empty, "bad.h5", "it is empty"),
        (_weights, "bad.h5", "holds weights alone"),
        (_archive, "bad.keras", "an archive without config.json"),
        (_damaged, "bad.keras", "truncated or damaged"),
        (_not_json, "bad.keras", "truncated or damaged"),
        (_linked, "bad.keras", "layers/dense/vars/0 lies in another file"),
    ],
)
def test_a_bad_file_is_refused(
    saved: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], name: str, problem: str
) -> None:
    spoil(saved, tmp_path / name)
    with pytest.raises(BadFile) as caught:
        open_network(tmp_path / name)
    assert problem in str(caught.value)


def test_too_large_files_are_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (saved / "net.keras").stat().st_size
    monkeypatch.setattr(files, "MOST_BYTES", whole - 1)
    with pytest.raises(BadFile, match=r"net\.keras is larger than"):
        open_network(saved / "net.keras")


def test_what_unpacks_to_too_much_is_refused(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 1_000_000)
    monkeypatch.setattr(files, "MOST_BYTES", 500_000)
    with pytest.raises(BadFile, match=r"unpacks to 1,000,000 bytes"):
        open_network(tmp_path / "bomb.keras")


def test_code_never_runs(saved: Path) -> None:
    with pytest.raises(Unsupported, match="the layer 'mine' is a Lambda, which is refused"):
        open_network(saved / "code.keras")


def test_layers_of_ones_own_are_opened_once_registered(tmp_path: Path) -> None:
    class Twice(layers.Layer):
        def call(self, inputs: object) -> object:
            return inputs * 2

    inputs = keras.Input((4,))
    keras.Model(inputs, layers.Dense(3)(Twice(name="two")(inputs))).save(tmp_path / "own.keras")
    with pytest.raises(UsageError, match="'two' is made by 'Twice'") as caught:
        open_network(tmp_path / "own.keras")
    assert "--plugin" in str(caught.value.fix)
    with keras.saving.CustomObjectScope({"Twice": Twice}):
        assert open_network(tmp_path / "own.keras").model.get_layer("two")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="cannot be read"):
        open_network(tmp_path / "none.keras")


def test_a_model_without_a_graph_is_refused(tmp_path: Path) -> None:
    class Own(keras.Model):
        def call(self, inputs: object) -> object:
            return inputs * 2

    model = Own()
    model(np.ones((1, 4), np.float32))
    model.save(tmp_path / "own.keras")
    with (
        keras.saving.CustomObjectScope({"Own": Own}),
        pytest.raises(Unsupported, match="does not say what its inputs are"),
    ):
        open_network(tmp_path / "own.keras")


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`")
@pytest.mark.parametrize("nested", [False, True])
def test_a_quantized_network_is_refused(tmp_path: Path, nested: bool) -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, name="small")(inputs))
    model.quantize("int8")
    if nested:
        model = keras.Model(inputs, model(inputs))
    model.save(tmp_path / "int8.keras")
    with pytest.raises(Unsupported, match=r"quantized already: its layer 'small' holds integers"):
        open_network(tmp_path / "int8.keras")

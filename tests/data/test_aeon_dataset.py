"""Time series that come with aeon: the package itself where it is installed, else one like it."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, MissingExtra, UnknownName, UsageError
from zoo.common.extras import installed
from zoo.contracts import SeriesPreprocessing
from zoo.data.aeon import find_classification_sets, fingerprint, open_aeon
from zoo.data.preprocessing.inputs import fitted, read_inputs

HEADER = (
    "# a comment\n@problemName {name}\n@equalLength {equal}\n@classLabel true run walk\n@data\n"
)


def ts(seed: int, count: int = 20, length: int = 5) -> str:
    random = np.random.default_rng(seed)
    lines = []
    for i in range(count):
        channels = (",".join(f"{v:.3f}" for v in random.normal(size=length)) for _ in range(2))
        lines.append(":".join([*channels, ("run", "walk")[i % 2]]))
    return "\n".join(lines)


def load_classification(
    name: str, split: str, extract_path: str, load_equal_length: bool
) -> tuple[Any, Any]:
    """Reads as aeon does; only what the tests need."""
    folder = Path(extract_path) / name
    path = folder / f"{name}_eq_{split.upper()}.ts"
    if not (load_equal_length and path.is_file()):
        path = folder / f"{name}_{split.upper()}.ts"
    lines = path.read_text().partition("@data\n")[2].splitlines()
    rows = [line.split(":") for line in lines]
    series = [np.array([[float(v) for v in c.split(",")] for c in row[:-1]]) for row in rows]
    same = len({one.shape for one in series}) == 1
    return np.array(series) if same else series, np.array([row[-1] for row in rows])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of sets of a package like aeon, which carries ``Walks``."""
    (tmp_path / "aeon" / "datasets" / "data").mkdir(parents=True)
    (tmp_path / "aeon" / "__init__.py").write_text("raise RuntimeError('imported')")
    for module in [name for name in sys.modules if name.partition(".")[0] == "aeon"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(str(tmp_path))
    datasets: Any = types.ModuleType("aeon.datasets")
    datasets.load_classification = load_classification
    add(tmp_path / "aeon" / "datasets" / "data", "Walks")
    monkeypatch.setitem(sys.modules, "aeon.datasets", datasets)
    return tmp_path / "aeon" / "datasets" / "data"


def add(folder: Path, name: str, train: str = "", test: str = "", equal: str = "true") -> None:
    own = folder / name.removesuffix("_eq")
    own.mkdir(exist_ok=True)
    header = HEADER.format(name=name, equal=equal)
    (own / f"{name}_TRAIN.ts").write_text(header + (train or ts(1)))
    (own / f"{name}_TEST.ts").write_text(header + (test or ts(2, 6)))


def test_a_set(folder: Path) -> None:
    dataset = open_aeon("Walks")
    assert dataset.name == "aeon:Walks"
    assert dataset.classes == ("run", "walk")
    assert len(dataset.splits["test"]) == 6
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 20
    series, _ = load_classification("Walks", "test", str(folder), True)
    example = dataset.splits["test"].read(3)
    assert example.shape == (5, 2)
    np.testing.assert_array_equal(example, series[3].T.astype(np.float32))
    assert dataset.splits["test"].labels.tolist() == [0, 1] * 3


def test_copies_of_test_series_are_left_out(folder: Path) -> None:
    add(folder, "Copied", ts(1) + "\n" + "\n".join(ts(2, 6).splitlines()[:2]), ts(2, 6))
    dataset = open_aeon("Copied")
    assert "2 examples are left out" in dataset.notes[0]
    assert [len(split) for split in dataset.splits.values()][2] == 6


def test_names_are_found_without_importing(folder: Path) -> None:
    mark = fingerprint("Walks")
    with pytest.raises(UnknownName, match="unknown dataset of aeon 'Walk'") as caught:
        fingerprint("Walk")
    assert "did you mean 'Walks'? the package carries Walks;" in (caught.value.fix or "")
    (folder / "Walks" / "Walks_TEST.ts").write_text("@classLabel true a b\n@data\n")
    assert fingerprint("Walks") != mark


def test_what_is_no_classification_is_not_offered(folder: Path) -> None:
    add(folder, "Numbers")
    path = folder / "Numbers" / "Numbers_TRAIN.ts"
    path.write_text(path.read_text().replace("@classLabel true run walk", "@targetlabel true"))
    add(folder, "Half")
    (folder / "Half" / "Half_TEST.ts").unlink()
    add(folder, "UnitTest")
    assert list(find_classification_sets(folder)) == ["Walks"]


def test_lengths_that_differ(folder: Path) -> None:
    uneven = ts(1) + "\n" + ts(3, 2, length=9)
    add(folder, "Uneven", uneven, equal="false")
    with pytest.raises(BadData, match="the series of Uneven have 5 to 9 steps"):
        open_aeon("Uneven")
    add(folder, "Uneven_eq")
    assert "version of equal length" in open_aeon("Uneven").notes[-1]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (ts(1).replace("\n", "\nnan,1,1,1,1:1,1,1,1,1:run\n", 1), "have gaps"),
        (ts(1).replace("\n", "\nx,1,1,1,1:1,1,1,1,1:run\n", 1), "aeon cannot read Bad"),
    ],
)
def test_series_that_cannot_be_used(folder: Path, train: str, message: str) -> None:
    add(folder, "Bad", train)
    with pytest.raises(BadData, match=message):
        open_aeon("Bad")


def test_wrong_names(folder: Path) -> None:
    for name in ("../Walks", "Walks/../Walks", "/etc/passwd"):
        with pytest.raises(UnknownName):
            open_aeon(name)
    with pytest.raises(UsageError, match="takes no options"):
        open_aeon("Walks?window=3")


@pytest.mark.skipif(installed("aeon"), reason="aeon is installed")
def test_without_the_package() -> None:
    for function in (open_aeon, fingerprint):
        with pytest.raises(MissingExtra) as caught:
            function("BasicMotions")
        assert caught.value.fix == 'pip install "edgezoo[aeon]"'


@pytest.mark.slow
@pytest.mark.skipif(not installed("aeon"), reason="aeon is not installed")
def test_basic_motions(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*arguments: object) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    dataset = open_aeon("BasicMotions")
    assert dataset.classes == ("badminton", "running", "standing", "walking")
    assert len(dataset.splits["test"]) == 40
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 40
    fit = fitted(SeriesPreprocessing(steps=1, channels=1), dataset)
    assert fit.input_shape == (100, 6)
    assert read_inputs(dataset.splits["test"], fit).shape == (40, 100, 6)


@pytest.mark.slow
@pytest.mark.skipif(not installed("aeon"), reason="aeon is not installed")
def test_every_set_that_the_package_carries() -> None:
    from zoo.data.aeon import _folder

    names = list(find_classification_sets(_folder()))
    assert {"BasicMotions", "GunPoint", "JapaneseVowels"} <= set(names)
    for name in names:
        dataset = open_aeon(name)
        assert np.isfinite(dataset.splits["train"].read(0)).all()

"""Folders in the place of the hub's repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_library import REAL, png, sizes

from zoo.common.errors import BadData
from zoo.data.hf import fingerprint, open_hf


@pytest.fixture
def hf_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="datasets is not installed")
def test_a_folder_of_images(hf_home: Path) -> None:
    for split, count in (("train", 12), ("test", 4)):
        for name in ("cat", "dog"):
            (hf_home / "images" / split / name).mkdir(parents=True)
            for i in range(count):
                data = png(hash((split, name, i)) % 2**32)["bytes"]
                (hf_home / "images" / split / name / f"{i}.png").write_bytes(data)
    dataset = open_hf(str(hf_home / "images"))
    assert dataset.classes == ("cat", "dog")
    assert sizes(dataset)[2] == 8
    assert dataset.splits["test"].read(0).shape == (4, 5, 3)
    (hf_home / "secret.png").write_bytes(png(5)["bytes"])
    (hf_home / "images" / "train" / "cat" / "x.png").symlink_to(hf_home / "secret.png")
    for function in (open_hf, fingerprint):
        with pytest.raises(BadData, match="outside the folder"):
            function(str(hf_home / "images"))


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="datasets is not installed")
def test_a_folder_of_parquet(hf_home: Path) -> None:
    import datasets

    folder = hf_home / "texts"
    folder.mkdir()
    rows = {"text": [f"text {i}" for i in range(30)], "label": [i % 2 for i in range(30)]}
    made = datasets.Dataset.from_dict(rows).cast_column(
        "label", datasets.ClassLabel(names=["a", "b"])
    )
    made.to_parquet(str(folder / "train.parquet"))
    dataset = open_hf(str(folder))
    assert dataset.classes == ("a", "b")
    assert sum(sizes(dataset)) == 30
    # A script that comes with a dataset never runs.
    mark = hf_home / "ran"
    (folder / "texts.py").write_text(f"open({str(mark)!r}, 'w')")
    with pytest.raises(BadData) as caught:
        open_hf(str(folder))
    assert "scripts are no longer supported" in (caught.value.why or "")
    assert not mark.exists()


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="datasets is not installed")
def test_a_folder_of_nothing(hf_home: Path) -> None:
    (hf_home / "empty").mkdir()
    with pytest.raises(BadData, match="could not be loaded"):
        open_hf(str(hf_home / "empty"))

"""No example is in two splits, in whatever file or form; near copies and groups."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, PngImagePlugin

import zoo
from zoo.cli.main import zoo as command_line
from zoo.common.errors import BadData, UsageError
from zoo.contracts import Dataset, DatasetProvider, Split
from zoo.data.leaks import refuse_leaks
from zoo.data.opening import judged_dataset
from zoo.data.readers.hashing import identity
from zoo.registry import load_registry


def places(dataset: Dataset) -> dict[bytes, set[str]]:
    """In which splits each picture is, by what is read."""
    found: dict[bytes, set[str]] = {}
    for name, split in dataset.splits.items():
        for i in range(len(split)):
            found.setdefault(identity(split.read(i)), set()).add(name)
    return found


def given(make_folder) -> Path:
    return make_folder({f"{s}/{c}": n for s, n in (("train", 9), ("test", 4)) for c in ("a", "b")})


@pytest.mark.parametrize("form", ["bmp", "tiff", "metadata", "palette", "grey"])
def test_the_same_pixels_in_another_file_stay_in_one_split(make_folder, form):
    root = make_folder({"ant": 30, "bee": 30})
    for path in sorted(root.rglob("*.png")):
        picture = Image.open(path).convert("RGB")
        if form == "metadata":
            text = PngImagePlugin.PngInfo()
            text.add_text("camera", "x" * 99)
            picture.save(path.with_name(f"{path.stem}b.png"), pnginfo=text)
        elif form == "palette":
            few = picture.quantize(16)
            few.convert("RGB").save(path)
            few.save(path.with_name(f"{path.stem}b.png"))
        elif form == "grey":
            grey = picture.convert("L")
            grey.save(path)
            grey.convert("RGB").save(path.with_name(f"{path.stem}b.png"))
        else:
            picture.save(path.with_suffix(f".{form}"))
    dataset = zoo.open_dataset(f"folder:{root}")
    assert sum(map(len, dataset.splits.values())) == 120
    found = places(dataset)
    assert len(found) == 60
    assert all(len(splits) == 1 for splits in found.values())
    assert "60 pictures are copies of others" in "\n".join(dataset.notes)


def test_a_turned_picture_is_what_it_shows(make_folder):
    root = make_folder({"ant": 12, "bee": 12})
    for path in sorted(root.rglob("*.png")):
        turned = Image.open(path).transpose(Image.Transpose.ROTATE_90)
        exif = turned.getexif()
        exif[0x0112] = 6  # The camera was held so that a turn to the right puts it upright.
        turned.save(path.with_name(f"{path.stem}b.png"), exif=exif)
    found = places(zoo.open_dataset(f"folder:{root}"))
    assert len(found) == 24
    assert all(len(splits) == 1 for splits in found.values())


def test_given_splits_that_share_pixels_are_refused(make_folder):
    root = given(make_folder)
    Image.open(root / "train/a/003.png").save(root / "test/a/copy.bmp")
    with pytest.raises(BadData, match=r"train/a/003\.png = test/a/copy\.bmp") as caught:
        zoo.open_dataset(f"folder:{root}")
    assert "--allow-leak" in str(caught.value.fix)
    told = zoo.open_dataset(f"folder:{root}", allow_leak=True).notes
    assert any("1 of 9 examples in test are also in train" in note for note in told)


def test_the_flag_is_known_to_commands(make_folder):
    root = given(make_folder)
    shutil.copy(root / "train/a/000.png", root / "test/a/copy.png")
    refused = CliRunner().invoke(command_line, ["data", f"folder:{root}"])
    assert isinstance(refused.exception, BadData)
    assert "splits share examples" in str(refused.exception)
    told = CliRunner().invoke(command_line, ["data", f"folder:{root}", "--allow-leak"])
    assert told.exit_code == 0
    assert "1 of 9 examples in test are also in train" in told.output
    for command in ("ship", "finetune", "export", "optimize", "evaluate"):
        assert "--allow-leak" in CliRunner().invoke(command_line, [command, "--help"]).output


def leaky(images: np.ndarray, shared: int, reads: list[int]) -> Dataset:
    """A plugin's dataset that says nothing of what its examples are."""
    sizes = {"train": range(12), "validation": range(12, 18), "test": range(18 - shared, 24)}

    def split(own: range) -> Split:
        def read(index: int) -> np.ndarray:
            reads.append(index)
            return images[own[index]]

        return Split(labels=np.arange(len(own)) % 2, read=read, content_hash=f"{own}")

    splits = {name: split(own) for name, own in sizes.items()}
    return Dataset(name="leaky", classes=("a", "b"), splits=splits, content_hash=f"{shared}")


def test_a_plugin_that_leaks_is_found_out_once(own_home):
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), np.uint8)
    reads: list[int] = []
    assert refuse_leaks(leaky(images, 0, reads), "f", allowed=False) == ()
    assert len(reads) == 24
    assert refuse_leaks(leaky(images, 0, reads), "f", allowed=False) == ()
    assert len(reads) == 24  # Remembered.
    for _ in range(2):
        with pytest.raises(BadData, match=r"validation\[4\] = test\[0\]"):
            refuse_leaks(leaky(images, 2, reads), "f", allowed=False)
    notes = refuse_leaks(leaky(images, 2, reads), "f", allowed=True)
    assert "2 of 8 examples in test are also in validation" in notes[0]


def test_a_plugin_that_leaks_is_refused_by_its_name(own_home):
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), np.uint8)
    registry = load_registry()
    provider = DatasetProvider(
        name="leaky",
        summary="one that leaks",
        tasks=("image-classification",),
        open=lambda argument: leaky(images, 2, []),
        fingerprint=lambda argument: "1",
    )
    registry.datasets.add("leaky", provider, registry.plugins[0])
    with pytest.raises(BadData, match="splits share examples"):
        judged_dataset(registry, "leaky")


def test_floats_texts_and_grey_are_compared_by_what_they_are():
    assert identity(np.array([0.0, 1], np.float32)) == identity(np.array([-0.0, 1], np.float32))
    assert identity(np.array("caf\u00e9")) == identity(np.array("cafe\u0301"))
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    assert identity(grey) == identity(grey.repeat(3, axis=2))
    assert identity(grey) != identity(grey.reshape(2, 8, 1))
    assert identity(np.array("ab")) != identity(np.array(["ab"]))


# --- near copies -------------------------------------------------------------------------------


def scene(seed: int, side: int = 64) -> np.ndarray:
    """A picture with shapes in it, uint8, (side, side, 3)."""
    r = np.random.default_rng(seed)
    small = r.integers(0, 256, (7, 7, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))


def test_near_copies_across_splits_are_told(make_folder):
    root = make_folder({"train/a": 1, "train/b": 1, "test/a": 1, "test/b": 1})
    for path in sorted(root.rglob("000.png")):
        path.unlink()
    for c, label in enumerate("ab"):
        for n in range(12):
            Image.fromarray(scene(100 * c + n)).save(root / f"train/{label}/{n}.png")
        for n in range(6):
            Image.fromarray(scene(9000 + 100 * c + n)).save(root / f"test/{label}/{n}.png")
    plain = zoo.open_dataset(f"folder:{root}")
    assert not any("near copy" in note for note in plain.notes)
    chosen = int(Path(next(n for n in plain.splits["train"].names if "/a/" in n)).stem)
    picture = Image.fromarray(scene(chosen))
    picture.save(root / "test/a/compressed.jpg", quality=60)
    picture.resize((48, 48)).save(root / "test/a/smaller.png")
    brighter = np.clip(scene(chosen).astype(int) + 12, 0, 255).astype(np.uint8)
    Image.fromarray(brighter).save(root / "test/a/brighter.png")
    for _ in range(2):  # Compared, and remembered.
        (note,) = [n for n in zoo.open_dataset(f"folder:{root}").notes if "near copy" in n]
        assert note.startswith("3 of 15 pictures in test have a near copy in train")
        assert f"test/a/smaller.png ≈ train/a/{chosen}.png" in note


def test_near_copies_in_arrays_are_told(tmp_path):
    x = np.stack([scene(n) for n in range(40)])
    near = np.clip(x[:3].astype(int) + 9, 0, 255).astype(np.uint8)
    path = tmp_path / "x.npz"
    np.savez(
        path,
        x_train=x[:30],
        y_train=np.arange(30) % 2,
        x_test=np.concatenate([x[30:], near]),
        y_test=np.arange(13) % 2,
    )
    told = "\n".join(zoo.open_dataset(f"npz:{path}").notes)
    assert "3 of 13 pictures in test have a near copy in train: x_test[10] ≈ x_train[0]" in told


# --- groups ------------------------------------------------------------------------------------


def films(make_folder, films: int = 8, frames: int = 10) -> Path:
    """Frames of films, in folders and in names at once."""
    root = make_folder({f"{c}/film{n}": frames for c in ("cat", "dog") for n in range(films)})
    for path in sorted(root.rglob("*.png")):
        path.rename(path.with_name(f"{path.parent.name}_{path.name}"))
    return root


def film_places(dataset: Dataset) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, split in dataset.splits.items():
        for path in split.names:
            found.setdefault(path.split("/")[1], set()).add(name)
    return found


@pytest.mark.parametrize("group", ["folder", r"film\d+", r"(film\d+)_", r"^film(\d+)/"])
def test_frames_of_a_film_stay_in_one_split(make_folder, group):
    root = films(make_folder)
    apart = film_places(zoo.open_dataset(f"folder:{root}"))
    assert any(len(splits) > 1 for splits in apart.values())
    dataset = zoo.open_dataset(f"folder:{root}?group={group}")
    assert all(len(splits) == 1 for splits in film_places(dataset).values())
    assert set().union(*film_places(dataset).values()) == {"train", "validation", "test"}
    for split in dataset.splits.values():
        assert set(split.labels.tolist()) == {0, 1}
    assert any(note.startswith("split by group: ") for note in dataset.notes)


def test_groups_that_share_a_picture_are_one(make_folder):
    root = films(make_folder)
    shutil.copy(root / "cat/film0/film0_000.png", root / "dog/film7/film7_copy.png")
    found = film_places(zoo.open_dataset(f"folder:{root}?group=folder"))
    assert found["film0"] == found["film7"]


def test_groups_in_given_splits(make_folder):
    root = make_folder(
        {
            f"{s}/{c}/f{n}": 3
            for s, c, n in [
                *(("train", c, n) for c in "ab" for n in range(5)),
                *(("test", c, 9) for c in "ab"),
            ]
        }
    )
    dataset = zoo.open_dataset(f"folder:{root}?group=folder")
    for split in ("train", "validation"):
        others = {"train", "validation"} - {split}
        own = {Path(name).parent.name for name in dataset.splits[split].names}
        for other in others:
            assert own.isdisjoint(Path(n).parent.name for n in dataset.splits[other].names)
    shutil.copytree(root / "train/a/f0", root / "test/a/f0")
    for path in (root / "test/a/f0").iterdir():
        Image.open(path).transpose(Image.Transpose.ROTATE_180).save(path)
    with pytest.raises(BadData, match="splits share the group 'f0'"):
        zoo.open_dataset(f"folder:{root}?group=folder")


def test_an_expression_that_takes_for_ever_is_refused(make_folder, monkeypatch):
    root = films(make_folder, films=2)
    monkeypatch.setattr("zoo.data.readers.groups._SECONDS", 0.2)
    with pytest.raises(UsageError, match=r"takes longer than 0\.2 s to look for") as caught:
        zoo.open_dataset(rf"folder:{root}?group=((\w|.)%2B)%2B\.pn$")
    assert "repetition" in caught.value.why


def test_what_is_no_group(make_folder):
    root = films(make_folder, films=2)
    with pytest.raises(UsageError, match=r"group=reel fits no file, such as film0/film0_000\.png"):
        zoo.open_dataset(f"folder:{root}?group=reel")
    with pytest.raises(UsageError, match="no regular expression"):
        zoo.open_dataset(f"folder:{root}?group=(film")
    with pytest.raises(BadData, match=r"class 'cat' has 2"):
        zoo.open_dataset(f"folder:{root}?group=folder")
    with pytest.raises(zoo.ZooError, match="option of folder"):
        zoo.open_dataset(f"folder:{root}?window=3")

"""Pairs of bad and good pictures, and good ones made bad, with the mistakes that people make."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.common.errors import BadData, UsageError
from zoo.data.folder import fingerprint as folder_fingerprint
from zoo.data.folder import open_folder, tasks_of
from zoo.data.leaks import refuse_leaks
from zoo.data.pairs import fingerprint, open_pairs
from zoo.data.readers.photographs import PHOTOGRAPHS, read_photograph

COUNT = 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of a photograph of 96 x 80 pixels, and the same half as large."""
    root = tmp_path_factory.mktemp("pairs")
    pixels = read_photograph(PHOTOGRAPHS[0])
    for side in ("bad", "good"):
        (root / side).mkdir()
    for number in range(COUNT):
        top, left = 40 * number, 30 * number
        good = Image.fromarray(pixels[top : top + 80, left : left + 96])
        good.save(root / "good" / f"{number}.png")
        good.resize((48, 40), Image.Resampling.BICUBIC).save(root / "bad" / f"{number}.png")
    return root


@pytest.fixture
def pairs(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "mine")
    return tmp_path / "mine"


def test_pairs_fit_and_are_cut_alike(made: Path) -> None:
    dataset = open_pairs(str(made))
    assert dataset.notes[0] == "good pictures are 2 times as large"
    for split in dataset.splits.values():
        assert split.labels.shape[1:] == (64, 64, 3)
        for index in range(len(split)):
            small = np.asarray(
                Image.fromarray(split.labels[index]).resize((32, 32), Image.Resampling.BICUBIC)
            )
            # Resampling knows more at the edges of the whole picture than at those of a patch.
            apart = small[4:-4, 4:-4].astype(int) - split.read(index)[4:-4, 4:-4]
            assert np.abs(apart).max() <= 1


def test_names_are_matched_without_suffix_and_splits_are_honoured(pairs: Path) -> None:
    for number in range(COUNT):
        part = "train" if number < 4 else "val" if number < 6 else "test"
        for side, suffix in (("bad", "png"), ("good", "bmp")):
            target = pairs / part / side / f"{number}.{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.open(pairs / side / f"{number}.png").save(target)
    for side in ("bad", "good"):
        shutil.rmtree(pairs / side)
    before = fingerprint(str(pairs))
    dataset = open_pairs(f"{pairs}?patch=48")
    assert {name.partition(" at ")[0] for name in dataset.splits["test"].names} == {
        "test/6",
        "test/7",
    }
    assert dataset.splits["test"].read(0).shape == (24, 24, 3)
    (pairs / "test" / "bad" / "6.png").touch()
    assert fingerprint(str(pairs)) != before


def test_what_does_not_fit_is_named_and_stops(pairs: Path) -> None:
    (pairs / "good" / "0.png").unlink()
    with pytest.raises(BadData, match=r"1 of 8 pairs are broken.*bad/0.png has none in good/"):
        open_pairs(str(pairs))


def test_sizes_that_do_not_fit_are_named(pairs: Path) -> None:
    with Image.open(pairs / "bad" / "3.png") as bad:
        bad.resize((50, 40)).save(pairs / "bad" / "3.png")
    with pytest.raises(BadData, match="3: sizes do not fit: bad 50×40, good 96×80"):
        open_pairs(str(pairs))
    shutil.copy(pairs / "good" / "3.png", pairs / "bad" / "3.png")
    with pytest.raises(BadData, match="3: bad 96×80, good 96×80, not 2 ×"):
        open_pairs(str(pairs))


def test_what_is_left_of_good_pictures_beyond_the_factor_is_cut_off(pairs: Path) -> None:
    whole = open_pairs(str(pairs))
    for number, (height, width) in {2: (81, 97), 5: (80, 97)}.items():
        path = pairs / "good" / f"{number}.png"
        with Image.open(path) as good:
            larger = Image.new("RGB", (width, height), "red")
            larger.paste(good)
        larger.save(path)
    cut = open_pairs(str(pairs))
    (told,) = [note for note in cut.notes if "multiple" in note]
    assert told.startswith("2 good pictures are no multiple of 2: ")
    assert told.endswith(": 2: bad 48×40, good 97×81; 5: bad 48×40, good 97×80")
    patches = [
        {
            name: (split.read(index).tobytes(), split.labels[index].tobytes())
            for split in dataset.splits.values()
            for index, name in enumerate(split.names or ())
        }
        for dataset in (whole, cut)
    ]
    assert patches[0] == patches[1], "the same patches as of pictures that were cut before"


def test_broken_pictures_are_named(pairs: Path) -> None:
    path = pairs / "bad" / "5.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadData, match=r"5: bad/5.png: "):
        open_pairs(str(pairs))


def test_one_in_a_hundred_is_a_note(pairs: Path) -> None:
    for number in range(COUNT, 101):
        for side in ("bad", "good"):
            shutil.copy(pairs / side / f"{number % COUNT}.png", pairs / side / f"{number}.png")
    (pairs / "good" / "100.png").write_bytes(b"no picture")
    notes = open_pairs(str(pairs)).notes
    assert any("1 left out: broken, or no pair that fits: 100: good/100.png" in n for n in notes)
    assert any("are copies of others" in note for note in notes)


def test_identical_pairs_are_noted_and_all_of_them_stop(pairs: Path) -> None:
    for number in range(COUNT):
        shutil.copy(pairs / "good" / f"{number}.png", pairs / "bad" / f"{number}.png")
    with pytest.raises(BadData, match=r"the bad pictures of .* are the good ones"):
        open_pairs(str(pairs))
    noisy = np.asarray(Image.open(pairs / "bad" / "2.png")) // 2
    Image.fromarray(noisy).save(pairs / "bad" / "2.png")
    assert any("7 identical pairs: 0; 1; 3" in note for note in open_pairs(str(pairs)).notes)


def noisy_copies(folder: Path, numbers: range, variances: tuple[int, ...], to: Path) -> None:
    """Pairs of good pictures, each with several bad ones."""
    for side in ("bad", "good"):
        (to / side).mkdir(parents=True)
    for number in numbers:
        good = np.asarray(Image.open(folder / "good" / f"{number}.png"))
        for deviation in variances:
            noise = np.random.default_rng(number).normal(0, deviation, good.shape)
            bad = np.clip(good + noise, 0, 255).astype(np.uint8)
            for side, pixels in (("bad", bad), ("good", good)):
                Image.fromarray(pixels).save(to / side / f"{number}_{deviation}.png")


def test_a_good_picture_is_in_one_split_however_it_became_bad(made: Path, tmp_path: Path) -> None:
    noisy_copies(made, range(COUNT), (5, 10, 20), tmp_path / "all")
    dataset = open_pairs(str(tmp_path / "all"))
    parts = [{name.partition("_")[0] for name in own.names} for own in dataset.splits.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == COUNT
    noisy_copies(made, range(5), (5,), tmp_path / "given" / "train")
    noisy_copies(made, range(4, COUNT), (10,), tmp_path / "given" / "test")
    with pytest.raises(BadData, match=r"splits share examples: train/4_5 at .* = test/4_10 at"):
        refuse_leaks(open_pairs(str(tmp_path / "given")), "1", allowed=False)


def test_the_content_hash_follows_the_bad_pictures(pairs: Path) -> None:
    before = open_pairs(str(pairs))
    with Image.open(pairs / "bad" / "3.png") as bad:
        bad.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(pairs / "bad" / "3.png")
    after = open_pairs(str(pairs))
    assert after.content_hash != before.content_hash
    good = f"{pairs / 'good'}?degrade="
    hashes = {open_folder(f"{good}{one}").content_hash for one in ("noise10", "noise25", "jpeg20")}
    assert len(hashes) == 3


def test_a_folder_that_is_missing_is_named(pairs: Path) -> None:
    (pairs / "good").rename(pairs / "sharp")
    with pytest.raises(BadData, match="no pictures in a folder 'good'") as found:
        open_pairs(str(pairs))
    assert "good=NAME" in found.value.fix
    assert len(open_pairs(f"{pairs}?good=sharp").splits) == 3
    with pytest.raises(BadData, match="has no picture of at least 200×200") as small:
        open_pairs(f"{pairs}?good=sharp&patch=200")
    assert "(96×80)" in small.value.why
    assert small.value.fix.endswith("patch=80")
    assert len(open_pairs(f"{pairs}?good=sharp&patch=80").splits) == 3


def test_pictures_without_room_for_any_patch_are_told(pairs: Path) -> None:
    for path in pairs.glob("*/*.png"):
        with Image.open(path) as picture:
            picture.resize((20, 20)).save(path)
    with pytest.raises(BadData, match="has no picture of at least 64×64") as small:
        open_pairs(str(pairs))
    assert small.value.fix == "give it larger pictures"


def test_names_that_never_agree_are_told_once(pairs: Path) -> None:
    for path in (pairs / "bad").iterdir():
        path.rename(path.with_name(f"{path.stem}x2.png"))
    with pytest.raises(BadData, match="no picture in bad/ has the name of one in good/") as found:
        open_pairs(str(pairs))
    assert "bad/0x2.png and good/0.png" in found.value.why


def test_confused_folders_are_told(pairs: Path) -> None:
    (pairs / "bad").rename(pairs / "other")
    (pairs / "good").rename(pairs / "bad")
    (pairs / "other").rename(pairs / "good")
    with pytest.raises(BadData, match="are larger than the good ones") as found:
        open_pairs(str(pairs))
    assert found.value.fix.endswith("?bad=good&good=bad")
    assert len(open_pairs(f"{pairs}?bad=good&good=bad").splits) == 3


def test_a_folder_of_good_pictures_is_made_bad_as_stated(made: Path) -> None:
    good = str(made / "good")
    dataset = open_folder(f"{good}?degrade=noise25")
    assert tasks_of(f"{good}?degrade=noise25") == ("image-enhancement",)
    assert dataset.splits["train"].read(0).shape == (64, 64, 3)
    assert "made bad: noise25" in dataset.notes[0]
    assert folder_fingerprint(f"{good}?degrade=noise25")
    with pytest.raises(UsageError, match="normal= is of labelled folders"):
        open_folder(f"{good}?degrade=noise25&normal=a")
    with pytest.raises(UsageError, match="degrade=blur is no degradation"):
        open_folder(f"{good}?degrade=blur")


def test_too_few_pictures_are_told(pairs: Path) -> None:
    for number in range(2, COUNT):
        (pairs / "good" / f"{number}.png").unlink()
    with pytest.raises(BadData, match="there are 2 different pictures, and 3 are the fewest"):
        open_folder(f"{pairs / 'good'}?degrade=bicubic2")

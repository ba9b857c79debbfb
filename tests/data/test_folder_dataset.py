"""Folders of images, the well-meant and the hostile."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from image_folders import contents, notes
from PIL import Image

from zoo.common.errors import BadData, UsageError
from zoo.data.folder import fingerprint, open_folder


def test_every_image_is_in_one_split(make_folder):
    root = make_folder({"cat": 30, "dog": 25})
    dataset = open_folder(str(root))
    assert dataset.name == f"folder:{root}"
    assert dataset.classes == ("cat", "dog")
    assert dataset.notes == ()
    assert sum(len(split) for split in dataset.splits.values()) == 55
    assert len(set().union(*contents(dataset).values())) == 55
    for split in dataset.splits.values():
        assert set(split.labels.tolist()) == {0, 1}
        assert split.labels.dtype == np.int64
        image = split.read(0)
        assert image.shape == (5, 6, 3)
        assert image.dtype == np.uint8


def test_labels_belong_to_their_images(make_folder):
    root = make_folder({"cat": 6, "dog": 6})
    for i, level in enumerate((10, 200)):
        for j in range(6):
            Image.new("L", (4, 4), level + j).save(root / ("cat", "dog")[i] / f"{j:03d}.png")
    for split in open_folder(str(root)).splits.values():
        for i, label in enumerate(split.labels):
            assert (split.read(i).max() >= 200) == bool(label)


def test_reading_again_gives_the_same(make_folder):
    root = make_folder({"cat": 12, "dog": 12})
    first, second = open_folder(str(root)), open_folder(str(root))
    assert first.content_hash == second.content_hash
    shutil.copytree(root, root.with_name("elsewhere"))
    assert open_folder(str(root.with_name("elsewhere"))).content_hash == first.content_hash


def test_hash_changes_with_content_label_and_class(make_folder):
    root = make_folder({"cat": 12, "dog": 12})
    seen = {open_folder(str(root)).content_hash}
    Image.new("L", (3, 3)).save(root / "cat" / "000.png")
    seen.add(open_folder(str(root)).content_hash)
    (root / "cat" / "001.png").rename(root / "dog" / "moved.png")
    seen.add(open_folder(str(root)).content_hash)
    (root / "dog").rename(root / "wolf")
    seen.add(open_folder(str(root)).content_hash)
    assert len(seen) == 4


def test_copies_stay_together(make_folder):
    root = make_folder({"cat": 20, "dog": 20})
    for path in sorted((root / "cat").iterdir()):
        shutil.copy(path, path.with_name(f"copy {path.name}"))
    splits = contents(open_folder(str(root)))
    assert sum(map(len, splits.values())) == 40


def test_fingerprint_follows_names_sizes_and_times(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    seen = {fingerprint(str(root))}
    path = root / "cat" / "000.png"
    os.utime(path, ns=(5, 5))
    seen.add(fingerprint(str(root)))
    path.rename(path.with_name("x.png"))
    seen.add(fingerprint(str(root)))
    (root / "dog" / "000.png").write_bytes(b"")
    seen.add(fingerprint(str(root)))
    (root / "bird").mkdir()
    seen.add(fingerprint(str(root)))
    assert len(seen) == 5
    assert fingerprint(str(root)) in seen


def test_fingerprint_tells_two_folders_of_equal_names_sizes_and_times_apart(tmp_path):
    """As archives unpack them; a finished training of one must not be taken for the other's."""
    for site, shade in (("a", 10), ("b", 200)):
        for name in ("cat", "dog"):
            path = tmp_path / site / "photos" / name / "0.bmp"
            path.parent.mkdir(parents=True)
            Image.new("L", (9, 9), shade).save(path)
            os.utime(path, ns=(0, 0))
    fingerprints = [fingerprint(str(tmp_path / site / "photos")) for site in ("a", "b", "a")]
    assert fingerprints[0] == fingerprints[2] != fingerprints[1]
    (tmp_path / "a").rename(tmp_path / "moved")
    assert fingerprint(str(tmp_path / "moved" / "photos")) == fingerprints[0]


def test_a_file_that_the_system_does_not_hand_out_is_no_broken_image(make_folder, monkeypatch):
    """It is named, and read again when it can be: it was never found to be broken."""
    root = make_folder({"cat": 60, "dog": 60})
    real = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "007.png" and path.parent.name == "cat":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refused)
        with pytest.raises(BadData, match=r"cat/007\.png cannot be read") as caught:
            open_folder(str(root))
    assert (caught.value.why, "permissions" in caught.value.fix) == ("Permission denied", True)
    assert len(contents(open_folder(str(root)))["train"]) == 84
    assert "broken" not in notes(open_folder(str(root)))


def test_classes_named_by_numbers_are_in_order(make_folder):
    assert open_folder(str(make_folder({"10": 3, "9": 3, "b": 3}))).classes == ("9", "10", "b")


def test_images_in_deeper_folders_count(make_folder):
    root = make_folder({"cat/2023/may": 4, "dog": 4})
    assert sum(len(s) for s in open_folder(str(root)).splits.values()) == 8


def test_an_image_in_two_classes_is_noted(make_folder):
    root = make_folder({"cat": 20, "dog": 20})
    shutil.copy(root / "cat" / "003.png", root / "dog" / "cat.png")
    assert "1 in more than one class: cat/003.png = dog/cat.png" in notes(open_folder(str(root)))


@pytest.mark.parametrize("argument", [None, "", "/no/such/folder", __file__])
def test_no_folder(argument):
    for function in (open_folder, fingerprint):
        with pytest.raises(UsageError, match="folder"):
            function(argument)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "holds no class folders"),
        ({"cat": 4, "dog": 0}, "the class folder dog holds no images"),
        ({"cat": 4, "dog": 2}, "class 'dog' has 2 distinct examples"),
    ],
)
def test_too_little(make_folder, tmp_path, counts, message):
    root = make_folder(counts)
    root.mkdir(exist_ok=True)
    with pytest.raises(BadData, match=message):
        open_folder(str(root))


def test_three_files_of_one_image_are_one_example(make_folder):
    root = make_folder({"cat": 4, "dog": 1})
    for name in ("a.png", "b.png"):
        shutil.copy(root / "dog" / "000.png", root / "dog" / name)
    with pytest.raises(BadData, match="class 'dog' has 1 distinct"):
        open_folder(str(root))


def test_a_class_of_broken_images_only(make_folder):
    root = make_folder({"cat": 200, "dog": 1})
    (root / "dog" / "000.png").write_bytes(b"")
    with pytest.raises(BadData, match="the class folder dog holds only broken images"):
        open_folder(str(root))


def test_an_image_that_changes_later_is_named(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    dataset = open_folder(str(root))
    shutil.rmtree(root)
    with pytest.raises(BadData, match=r"\.png cannot be read any more"):
        dataset.splits["train"].read(0)

"""Folders of images, the well-meant and the hostile."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.folder import fingerprint, open_folder
from zoo.data.readers import folder_check


def contents(dataset: Dataset) -> dict[str, set[bytes]]:
    """For each split the pixels of its images."""
    return {
        name: {split.read(i).tobytes() for i in range(len(split))}
        for name, split in dataset.splits.items()
    }


def notes(dataset: Dataset) -> str:
    return "\n".join(dataset.notes)


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


# --- left out, with a note ---------------------------------------------------------------------


def test_hidden_and_foreign_files_are_noted(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    (root / "cat" / ".DS_Store").write_bytes(b"x")
    (root / ".git").mkdir()
    (root / "dog" / "notes.txt").write_text("x")
    (root / "readme.md").write_text("x")
    text = notes(open_folder(str(root)))
    assert "1 left out: not images: dog/notes.txt" in text
    assert "cat/.DS_Store (hidden)" in text
    assert ".git (hidden)" in text
    assert "readme.md (not in a class folder)" in text


def test_few_broken_images_are_left_out_and_listed(make_folder):
    root = make_folder({"cat": 60, "dog": 60})
    (root / "cat" / "007.png").write_bytes(b"\x89PNG but no")
    dataset = open_folder(str(root))
    assert "1 left out: broken: cat/007.png: not an image" in notes(dataset)
    assert sum(len(split) for split in dataset.splits.values()) == 119


def test_many_broken_images_stop_with_the_list(make_folder):
    root = make_folder({"cat": 60, "dog": 60})
    for name in ("cat/007.png", "dog/011.png"):
        (root / name).write_bytes((root / name).read_bytes()[:50])
    with pytest.raises(BadData, match="2 of 120 images are broken, more than 1%") as caught:
        open_folder(str(root))
    assert "cat/007.png: " in caught.value.what
    assert "dog/011.png: " in caught.value.what


def test_long_lists_are_cut(make_folder):
    root = make_folder({"cat": 60, "dog": 3})
    for path in (root / "cat").iterdir():
        path.write_bytes(b"")
    with pytest.raises(BadData, match="and 10 more"):
        open_folder(str(root))


def test_an_image_in_two_classes_is_noted(make_folder):
    root = make_folder({"cat": 20, "dog": 20})
    shutil.copy(root / "cat" / "003.png", root / "dog" / "cat.png")
    assert "1 in more than one class: cat/003.png = dog/cat.png" in notes(open_folder(str(root)))


# --- clear errors ------------------------------------------------------------------------------


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


# --- hostile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "class", "folder"])
def test_links_out_of_the_folder_are_refused(make_folder, tmp_path, kind):
    root = make_folder({"cat": 4, "dog": 4})
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("L", (2, 2)).save(outside / "secret.png")
    if kind == "file":
        (root / "cat" / "link.png").symlink_to(outside / "secret.png")
    else:
        (root / ("bird" if kind == "class" else "cat/more")).symlink_to(outside)
    for function in (open_folder, fingerprint):
        with pytest.raises(BadData, match="outside the folder"):
            function(str(root))


def test_links_inside_the_folder(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    (root / "cat" / "again.png").symlink_to("000.png")
    (root / "cat" / "loop").symlink_to("..")
    (root / "cat" / "self.png").symlink_to("self.png")
    (root / "cat" / "gone.png").symlink_to("nothing.png")
    (root / "wolf").symlink_to("dog")
    dataset = open_folder(str(root))
    assert dataset.classes == ("cat", "dog")
    assert sum(len(split) for split in dataset.splits.values()) == 9
    for name in ("cat/loop (a link", "cat/self.png (", "cat/gone.png (No such", "wolf (a link"):
        assert name in notes(dataset)


def test_the_folder_itself_may_be_a_link(make_folder, tmp_path):
    root = make_folder({"cat": 4, "dog": 4})
    (tmp_path / "link").symlink_to(root)
    assert open_folder(str(tmp_path / "link")).content_hash == open_folder(str(root)).content_hash


def test_pipes_do_not_block(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    os.mkfifo(root / "cat" / "pipe.png")
    assert "cat/pipe.png (not a plain file)" in notes(open_folder(str(root)))


def test_escape_sequences_in_names_are_not_printed(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    (root / "cat" / "\x1b[2J.txt").write_text("x")
    assert "cat/\\x1b[2J.txt" in notes(open_folder(str(root)))
    (root / "bi\nrd").mkdir()
    with pytest.raises(BadData, match=r"'bi\\\\nrd' has unprintable"):
        open_folder(str(root))


def test_names_that_are_not_text(make_folder):
    root = make_folder({"cat": 4, "dog": 4})
    try:
        (root / "cat" / "000.png").rename(os.fsdecode(os.fsencode(root) + b"/cat/\xff.png"))
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    assert fingerprint(str(root)) == fingerprint(str(root))
    for _ in range(2):
        assert sum(len(s) for s in open_folder(str(root)).splits.values()) == 8


def test_huge_files_are_not_read(make_folder):
    root = make_folder({"cat": 60, "dog": 60})
    with (root / "cat" / "000.png").open("wb") as file:
        file.truncate(1 << 40)
    assert "bytes: more than" in notes(open_folder(str(root)))


# --- given splits ------------------------------------------------------------------------------


def given(make_folder, validation: str = "validation") -> Path:
    counts = {"train": 9, validation: 3, "test": 4}
    return make_folder({f"{s}/{c}": n for s, n in counts.items() for c in ("cat", "dog")})


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_given_splits_are_honoured(make_folder, validation):
    dataset = open_folder(str(given(make_folder, validation)))
    sizes = {name: np.bincount(split.labels).tolist() for name, split in dataset.splits.items()}
    assert sizes == {"train": [9, 9], "validation": [3, 3], "test": [4, 4]}
    assert dataset.classes == ("cat", "dog")


def test_validation_is_taken_from_train_when_absent(make_folder):
    root = given(make_folder)
    before = contents(open_folder(str(root)))["test"]
    shutil.rmtree(root / "validation")
    dataset = open_folder(str(root))
    assert contents(dataset)["test"] == before
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 18
    assert "15 % of train/" in notes(dataset)


def test_an_image_in_two_splits_is_refused(make_folder):
    root = given(make_folder)
    shutil.copy(root / "train/cat/000.png", root / "test/dog/leak.png")
    with pytest.raises(BadData, match=r"train/cat/000\.png = test/dog/leak\.png"):
        zoo.open_dataset(f"folder:{root}")


def test_every_split_holds_every_class(make_folder):
    root = given(make_folder)
    shutil.rmtree(root / "test" / "dog")
    with pytest.raises(BadData, match="test/ has no folder for dog"):
        open_folder(str(root))
    (root / "test" / "dog").mkdir()
    with pytest.raises(BadData, match="test/dog holds no images"):
        open_folder(str(root))


def test_incomplete_or_doubtful_splits(make_folder):
    root = given(make_folder)
    shutil.copytree(root / "validation", root / "val")
    with pytest.raises(BadData, match="both val/ and validation/"):
        open_folder(str(root))
    shutil.rmtree(root / "val")
    (root / "extra").mkdir()
    with pytest.raises(BadData, match="and also extra"):
        open_folder(str(root))
    (root / "extra").rmdir()
    shutil.rmtree(root / "test")
    with pytest.raises(BadData, match="no test/"):
        open_folder(str(root))


def test_a_class_may_be_called_train(make_folder):
    root = make_folder({"bus": 4, "car": 4, "train": 4})
    assert open_folder(str(root)).classes == ("bus", "car", "train")


# --- checking once -----------------------------------------------------------------------------


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """Sizes of the files that were decoded during checks."""
    sizes: list[int] = []
    lock = threading.Lock()
    real = folder_check.decode

    def decode(data: bytes) -> np.ndarray:
        with lock:
            sizes.append(len(data))
        return real(data)

    monkeypatch.setattr(folder_check, "decode", decode)
    return sizes


def test_each_image_is_opened_once_and_remembered(make_folder, decoded):
    root = make_folder({"cat": 20, "dog": 20})
    first = open_folder(str(root))
    assert len(decoded) == 40
    assert open_folder(str(root)).content_hash == first.content_hash
    assert len(decoded) == 40
    path = root / "cat" / "000.png"
    Image.new("L", (9, 9)).save(path)
    assert open_folder(str(root)).content_hash != first.content_hash
    assert len(decoded) == 41


def test_fresh_files_are_checked_again(make_folder, decoded):
    root = make_folder({"cat": 4, "dog": 4})
    (root / "cat" / "000.png").touch()
    open_folder(str(root))
    open_folder(str(root))
    assert len(decoded) == 9


@pytest.mark.parametrize("text", ["", "{", "[]", '{"decoder": 1}', "\ud800"])
def test_a_damaged_memory_is_replaced(make_folder, decoded, own_home, text):
    root = make_folder({"cat": 4, "dog": 4})
    open_folder(str(root))
    [memory] = (own_home / "cache" / "folders").iterdir()
    whole = memory.read_text()
    memory.write_text(text, errors="surrogatepass")
    open_folder(str(root))
    assert len(decoded) == 16
    assert memory.read_text() == whole


def test_a_cache_that_cannot_be_written_is_noted(make_folder, own_home):
    root = make_folder({"cat": 4, "dog": 4})
    (own_home / "cache").write_text("in the way")
    assert "was not remembered" in notes(open_folder(str(root)))


def test_reading_from_many_threads(make_folder):
    from concurrent.futures import ThreadPoolExecutor

    split = open_folder(str(make_folder({"cat": 40, "dog": 40}))).splits["train"]
    alone = [split.read(i).tobytes() for i in range(len(split))]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: split.read(i).tobytes(), list(range(len(split))) * 5))
    assert together == alone * 5

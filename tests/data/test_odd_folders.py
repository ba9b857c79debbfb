"""Links, pipes, names and sizes that a folder of images should not have."""

from __future__ import annotations

import os

import pytest
from image_folders import notes
from PIL import Image

from zoo.common.errors import BadData
from zoo.data.folder import fingerprint, open_folder


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

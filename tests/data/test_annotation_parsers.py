"""Parsers of annotations on any input: a result that can be used, or an error that says why."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz

from zoo.common.errors import ZooError
from zoo.data.annotations.coco import read_coco
from zoo.data.annotations.files import Files
from zoo.data.annotations.labels import box_rows, drawn_mask, padded
from zoo.data.annotations.masks import _class
from zoo.data.annotations.records import (
    AnnotatedPicture,
    Annotations,
    RunLengths,
    Thing,
    written_number,
)
from zoo.data.annotations.shapes import decoded, drawn, run_lengths, sampled
from zoo.data.annotations.voc import BadXml, parse_xml
from zoo.data.annotations.yolo import _read, read_yolo

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
SIDE = st.integers(1, 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two files that are called like pictures."""
    root = tmp_path_factory.mktemp("parsers")
    for name in ("a.png", "b.png", "all.json", "data.yaml"):
        (root / name).write_bytes(b"x")
    return root


@fuzz
@given(st.data())
def test_any_json_is_read_or_refused(folder, data):
    """Every field of a whole file takes any value in turn."""
    whole = {
        "images": [{"id": 1, "file_name": "a.png", "height": 9, "width": 9}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "segmentation": []}
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    key = data.draw(st.sampled_from([*whole, "whole"]))
    value = data.draw(JSON)
    changed = value if key == "whole" else whole
    if key != "whole":
        own = whole[key][0]
        inner = data.draw(st.sampled_from([*own, "entry", "list"]))
        if inner == "list":
            whole[key] = value
        elif inner == "entry":
            whole[key].append(value)
        else:
            own[inner] = value
    (folder / "all.json").write_text(json.dumps(changed))
    try:
        found = read_coco(Files(str(folder / "all.json")))
    except ZooError:
        return
    for picture in found.pictures:
        rows, problems = box_rows(picture, (9, 9), found.in_pixels)
        assert all(0 <= edge <= 1 for row in rows for edge in row[1:])
        assert all(row[3] > row[1] and row[4] > row[2] for row in rows)
        assert all(type(problem) is str for problem in problems)
        mask, _ = drawn_mask(picture, (9, 9), found.in_pixels, (6, 6))
        assert mask.min() >= -1
        assert mask.max() <= len(found.classes)


@fuzz
@given(st.text())
def test_any_rows_of_yolo_are_read_or_named(text):
    found = Annotations(root=SimpleNamespace(), classes=("a", "b"), in_pixels=False)
    picture = AnnotatedPicture(path="a.png")
    _read(found, picture, "a.txt", text)
    assert found.entries == len(found.broken) + len(picture.things)
    assert all(0 <= thing.label < 2 for thing in picture.things)


NUMBERS = st.floats(-2, 3, width=32).map(str) | st.sampled_from(["nan", "inf", "1e999", "x", "²"])


@fuzz
@given(st.lists(st.lists(NUMBERS, max_size=9).map(" ".join), max_size=5).map("\n".join))
def test_numbers_of_yolo_give_boxes_in_the_picture(text):
    found = Annotations(root=SimpleNamespace(), classes=("a", "b"), in_pixels=False)
    picture = AnnotatedPicture(path="a.png")
    _read(found, picture, "a.txt", text)
    rows, problems = box_rows(picture, (50, 40), False)
    assert len(rows) + len(problems) + len(found.broken) == found.entries
    boxes = padded([rows])
    assert np.isfinite(boxes).all()
    assert boxes[..., 1:].min() >= 0
    assert boxes[..., 1:].max() <= 1


@fuzz
@given(st.binary() | st.text().map(str.encode))
def test_any_yaml_is_read_or_refused(folder, data):
    (folder / "data.yaml").write_bytes(data)
    with contextlib.suppress(ZooError):
        assert read_yolo(Files(str(folder))).classes


@fuzz
@given(st.binary() | st.text(alphabet="<>/ab!&;[]\"'x=? ").map(lambda t: f"<a>{t}</a>".encode()))
def test_any_xml_is_parsed_or_refused(data):
    with contextlib.suppress(BadXml):
        assert parse_xml(data).name


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "<a>&undefined;</a>",
        "<a>" * 60 + "</a>" * 60,
        "",
        "<a><b></a></b>",
    ],
)
def test_xml_that_declares_or_nests_is_refused(text):
    with pytest.raises(BadXml):
        parse_xml(text.encode())


def test_xml_of_other_encodings_is_read():
    tree = parse_xml('<?xml version="1.0" encoding="utf-16"?><a><b> é </b></a>'.encode("utf-16"))
    assert tree.value("b") == "é"


@fuzz
@given(SIDE, SIDE, st.integers(0, 10**6), SIDE, SIDE)
def test_rectangles_cover_the_pixels_whose_middles_they_hold(height, width, seed, down, across):
    random = np.random.default_rng(seed)
    top, bottom = np.sort(random.uniform(-2, height + 2, 2))
    left, right = np.sort(random.uniform(-2, width + 2, 2))
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    polygon = np.array(corners, np.float32)
    mask = drawn((polygon,), (height, width), (down, across))
    y = (np.arange(down) + 0.5) * height / down
    x = (np.arange(across) + 0.5) * width / across
    (left, top), (right, bottom) = polygon.min(axis=0), polygon.max(axis=0)
    exact = ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
    near = np.abs(np.subtract.outer(np.concatenate([y, x]), [top, bottom, left, right])).min()
    assert np.array_equal(mask, exact) or near < 1e-5
    # Either way round it is the same.
    assert np.array_equal(mask, drawn((polygon[::-1],), (height, width), (down, across)))


def test_polygons_are_filled_as_by_matplotlib():
    from matplotlib.path import Path

    random = np.random.default_rng(4)
    y, x = np.mgrid[:30, :40] + 0.5
    for _ in range(30):
        polygon = random.uniform(-5, 45, (int(random.integers(3, 9)), 2)).astype(np.float32)
        # Matplotlib fills by winding, which differs where a polygon crosses itself.
        middle = polygon.mean(axis=0)
        order = np.argsort(np.arctan2(*(polygon - middle).T[::-1]))
        polygon = polygon[order]
        mask = drawn((polygon,), (30, 40), (30, 40))
        exact = Path(polygon).contains_points(np.stack([x.ravel(), y.ravel()], 1)).reshape(30, 40)
        assert (mask != exact).mean() < 0.002
        assert exact.any() == mask.any()


def packed(counts: list[int]) -> str:
    """COCO's text form of run lengths, as its own program writes it."""
    text = ""
    for number, count in enumerate(counts):
        value = count - (counts[number - 2] if number > 2 else 0)
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | (32 if more else 0)))
    return text


@fuzz
@given(SIDE, SIDE, st.integers(0, 10**6), st.floats(0, 1))
def test_run_lengths_give_the_mask_back(height, width, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    flat = np.concatenate([[False], mask.T.reshape(-1)])
    ends = [*np.flatnonzero(np.diff(flat)).tolist(), height * width]
    counts = np.diff([0, *ends]).tolist()
    for given_counts in (counts, packed(counts)):
        runs = run_lengths(given_counts, [height, width])
        assert isinstance(runs, RunLengths), runs
        assert np.array_equal(decoded(runs), mask)
    assert isinstance(run_lengths(counts, [height + 1, width]), str)


def test_packed_run_lengths_are_those_of_pycocotools():
    tools = pytest.importorskip("pycocotools.mask")
    mask = np.random.default_rng(1).random((37, 53)) < 0.3
    found = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = run_lengths(found["counts"].decode(), list(found["size"]))
    assert np.array_equal(decoded(runs), mask)


@fuzz
@given(st.text() | JSON, JSON)
def test_any_run_lengths_are_read_or_named(counts, size):
    found = run_lengths(counts, size)
    assert isinstance(found, str | RunLengths)
    assert isinstance(run_lengths(counts, [4, 4]), str | RunLengths)


@fuzz
@given(st.text(min_size=1), st.integers(0, 99))
def test_any_line_names_a_class(line, number):
    value, title = _class(line, number)
    assert value >= 0
    assert isinstance(title, str)


@pytest.mark.parametrize(
    ("line", "value", "title"),
    [
        ("cat", 7, "cat"),
        ("hot dog", 7, "hot dog"),
        ("3 cat", 3, "cat"),
        ("3: cat", 3, "cat"),
        ("128 64 0\tAnimal", 0x1804000, "Animal"),
        ("cat:1,2,3::", 0x1010203, "cat"),
        ("cat 1 2 3", 0x1010203, "cat"),
        ("cat 0 0 3", 0x1000003, "cat"),
        ("7 7 7 cat", 7, "cat"),
        ("300 1 2 cat", 300, "1 2 cat"),
    ],
)
def test_lines_of_class_files(line, value, title):
    assert _class(line, 7) == (value, title)


def test_small_things_are_drawn_over_large_ones():
    def square(label, low, high):
        corners = [(low, low), (high, low), (high, high), (low, high)]
        return Thing(name="x", label=label, shape=(np.array(corners, np.float32),))

    for order in ([square(0, 2, 4), square(1, 0, 8)], [square(1, 0, 8), square(0, 2, 4)]):
        picture = AnnotatedPicture(path="a.png", things=order)
        mask, problems = drawn_mask(picture, (10, 10), True, (10, 10))
        assert not problems
        assert (mask[2:4, 2:4] == 1).all()
        assert (mask == 2).sum() == 60


def test_sampling_takes_the_nearest_value():
    values = np.arange(12).reshape(3, 4)
    assert np.array_equal(sampled(values, (3, 4)), values)
    assert np.array_equal(sampled(values, (6, 8))[::2, ::2], values)


def test_a_number_is_what_annotations_write() -> None:
    assert written_number("1.5e1") == 15.0
    assert [written_number(text) for text in ("1_0", "\u0661", "nan", "inf", "", "x")] == [None] * 6

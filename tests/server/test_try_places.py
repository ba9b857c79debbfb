"""Boxes and masks in a page: those of the zoo, in the pixels of the picture that was given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import browser, find_chromium

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("uvicorn")
pytest.importorskip("matplotlib")

from colour_networks import (
    CELL,
    COLOURS,
    HEIGHT,
    WIDTH,
    detector,
    picture,
    preprocessing,
    segmenter,
)
from served_pages import keep_judged, runtimes_for, served
from tried import Pages

import zoo
from zoo.contracts.anchors import AnchorMap, Anchors

Image = pytest.importorskip("PIL.Image")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]
#: One for each cell, of about the size of the squares.
ANCHORS = Anchors(
    maps=(AnchorMap(rows=HEIGHT // CELL, columns=WIDTH // CELL, shapes=((0.4, 0.25),)),)
)
#: Height and width of pictures: the network's own, and a larger one in another shape.
SIZES = ((HEIGHT, WIDTH), (300, 200))
#: The colours of the mask in the page, pixel by pixel, and of its legend by name.
MASK = """
(() => {
  const [, mask] = document.querySelectorAll("#try-it canvas");
  const { data } = mask.getContext("2d").getImageData(0, 0, mask.width, mask.height);
  const colours = [];
  for (let i = 0; i < data.length; i += 4) colours.push(`${data[i]} ${data[i + 1]} ${data[i + 2]}`);
  const rows = Array.from(document.querySelectorAll("#try-it .answer tbody tr"));
  const own = (row) => getComputedStyle(row.querySelector(".patch")).backgroundColor;
  const legend = rows.map((row) => [row.cells[0].textContent, own(row).match(/\\d+/g).join(" ")]);
  return { size: [mask.height, mask.width], colours, legend: Object.fromEntries(legend) };
})()
"""
#: Whether the lower edge of the last box, which no other one covers, is drawn where it is.
DRAWN = """
(() => {
  const canvas = document.querySelector("#try-it canvas"), context = canvas.getContext("2d");
  const last = Array.from(document.querySelectorAll("#try-it .answer tbody tr")).at(-1);
  const edges = Array.from(last.querySelectorAll("data"), (one) => Number(one.value));
  const [left, bottom, right] = edges.slice(2);
  const scale = canvas.width / %d, x = Math.round(((left + right) / 2) * scale);
  return [-1, 0].some((off) => {
    const y = Math.min(canvas.height - 1, Math.round(bottom * scale) + off);
    const [r, g, b] = context.getImageData(x, y, 1, 1).data;
    return r > 200 && g > 180 && b < 60;
  });
})()
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    files = {}
    for resize in ("crop", "pad"):
        own = preprocessing(resize=resize)
        files[f"centres {resize}"] = detector(work / f"centres.{resize}.float32.onnx", own)
    files["masks"] = segmenter(work / "masks.made.float32.onnx", preprocessing())
    files["anchors"] = detector(work / "anchors.made.float32.onnx", preprocessing(), ANCHORS)
    keep_judged(f"sqlite:///{home}/results.db", home, list(files.values()))
    runtimes_for(home)
    with (
        served(f"sqlite:///{home}/results.db", home) as address,
        browser(tmp_path_factory.mktemp("profile")) as shown,
    ):
        shown.look(1000)
        yield Pages(shown, address, files)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    made = [folder / f"{height}x{width}.png" for height, width in SIZES]
    for path, size in zip(made, SIZES, strict=True):
        Image.fromarray(picture(*size)).save(path)
    return made


def test_boxes_and_masks_are_those_of_the_zoo(pages: Pages, pictures: list[Path]) -> None:
    for name, file in pages.files.items():
        right = zoo.predict(file, pictures)
        pages.open(name)
        for path, example in zip(pictures, right.examples, strict=True):
            told = pages.give(path)
            assert told["golden"].startswith("Golden inputs agree: 3 of 3"), (name, told)
            output = example.output
            if output.mask is None:
                assert output.boxes is not None
                assert set(output.chosen) <= set(COLOURS)
                assert len(output.boxes) >= 1, name
                check_boxes(pages, told["rows"], output.boxes, path)
                continue
            assert len(output.scores) >= 3, name
            found = {row[0]: float(row[1]) for row in told["rows"]}
            assert found == {one.name: pytest.approx(one.value) for one in output.scores}
            mask = pages.shown.evaluate(MASK)
            assert mask["size"] == list(output.mask.chosen.shape)
            names = [output.mask.names[label] for label in output.mask.chosen.ravel()]
            assert mask["colours"] == [mask["legend"][one] for one in names], (name, path)
            assert len(set(mask["legend"].values())) == len(mask["legend"])


def check_boxes(pages: Pages, rows: list, boxes: tuple, path: Path) -> None:
    """The table's boxes, and their lines in the picture."""
    found = [(row[0], float(row[1]), *map(int, row[2:])) for row in rows]
    wanted = [(f"{at} {box.name}", box.score, *box.pixels) for at, box in enumerate(boxes, 1)]
    assert [one[0] for one in found] == [one[0] for one in wanted]
    values = np.array([one[1:] for one in found]) - np.array([one[1:] for one in wanted])
    assert np.abs(values[:, 0]).max() < 1e-5
    # Where an edge lies between two pixels, the last bit of a sum decides.
    assert np.abs(values[:, 1:]).max() <= 1
    with Image.open(path) as given:
        assert pages.shown.evaluate(DRAWN % given.width), path

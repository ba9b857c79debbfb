"""Files tried in a page: the answer is the zoo's own, or there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import browser, find_chromium

pytest.importorskip("flatbuffers")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("uvicorn")
pytest.importorskip("matplotlib")

import digit_files
from series_files import REGRESSION, SERIES, SOUND, TEXT, onnx_file, rows_of_table, written_sound
from served_pages import keep_judged, runtimes_for, served
from tried import Pages

import zoo

Image = pytest.importorskip("PIL.Image")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]

DIGITS = ("float32.tflite", "int8.tflite", "float32.onnx", "int8.onnx")
LAYERS = {"series": SERIES, "regression": REGRESSION, "sound": SOUND, "text": TEXT}
#: What a reader does who types a text, and who drops a file with one.
TYPE = """
(() => {
  const form = document.querySelector("#try-it form");
  form.elements.text.value = "A good, bad film";
  form.requestSubmit();
})()
"""
DROP = """
(() => {
  const section = document.getElementById("try-it"), given = new DataTransfer();
  section.dataset.done = "";
  given.items.add(new File([new Uint8Array(%s)], %s));
  section.dispatchEvent(new DragEvent("drop", { dataTransfer: given, cancelable: true }));
})()
"""


def dropping(content: bytes, name: str) -> str:
    """A script that drops a file."""
    return DROP % (json.dumps(list(content)), json.dumps(name))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """One server and one browser for all tests here."""
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    files = {end: work / f"nearest.digits.{end}" for end in DIGITS}
    digit_files.tflite_digits(files["float32.tflite"], integer=False)
    digit_files.tflite_digits(files["int8.tflite"], integer=True, real_ends=True)
    digit_files.onnx_digits(files["float32.onnx"])
    digit_files.onnx_int8_digits(files["int8.onnx"], work)
    for end, path in files.items():
        digit_files.judge_file(path, end.partition(".")[0])
    for kind, made in LAYERS.items():
        files[kind] = onnx_file(work / f"{kind}.made.float32.onnx", made)
    files["altered"] = onnx_file(work / "altered.made.float32.onnx", SERIES, off=0.01)
    keep_judged(f"sqlite:///{home}/results.db", home, list(files.values()))
    runtimes_for(home)
    profile = tmp_path_factory.mktemp("profile")
    address = served(f"sqlite:///{home}/results.db", home)
    with address as found, browser(profile) as shown:
        shown.look(1000)
        yield Pages(shown, found, files)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Digits of the test split, one larger and in colours, which the page makes fit."""
    folder = tmp_path_factory.mktemp("pictures")
    split = digit_files.dataset().splits["test"]
    made = []
    for number in (0, 7, 41):
        made.append(folder / f"digit_{number}.png")
        Image.fromarray(split.read(number)[:, :, 0]).save(made[-1])
    large = Image.open(made[0]).convert("RGB").resize((37, 61), Image.Resampling.BICUBIC)
    made.append(folder / "large.jpg")
    large.save(made[-1])
    return made


@pytest.mark.parametrize("end", DIGITS)
def test_digits_are_answered_as_the_zoo_does(pages: Pages, pictures: list[Path], end: str) -> None:
    pages.open(end)
    right = zoo.predict(pages.files[end], pictures)
    for picture, example in zip(pictures, right.examples, strict=True):
        told = pages.give(picture)
        assert told["golden"].startswith("Golden inputs agree: 3 of 3"), told
        scores = {score.name: score.value for score in example.output.scores}
        assert told["best"] == [example.output.answer]
        found = {name: float(value) for name, value in told["rows"]}
        same = {name: value for name, value in scores.items() if name in found}
        assert len(same) >= 1
        # One step of an int8 output is 1/256.
        assert all(abs(found[name] - value) <= 0.004 for name, value in same.items()), told


def test_windows_of_a_table_are_answered_as_the_zoo_does(pages: Pages, tmp_path: Path) -> None:
    for kind, made in (("series", SERIES), ("regression", REGRESSION)):
        table = tmp_path / f"{kind}.csv"
        table.write_text(rows_of_table(made, 11), encoding="utf-8")
        right = zoo.predict(pages.files[kind], table)
        pages.open(kind)
        told = pages.give(table)
        assert told["golden"].startswith("Golden inputs agree"), told
        decoded = [example.output for example in right.examples]
        if kind == "series":
            assert told["best"] == [one.answer for one in decoded]
            assert "rows fill no window" in pages.shown.evaluate(
                "document.querySelector('.answer').textContent"
            )
        else:
            values = [score.value for one in decoded for score in one.scores]
            assert np.allclose([float(row[1]) for row in told["rows"]], values, atol=1e-4)


def test_sounds_are_answered_as_the_zoo_does(pages: Pages, tmp_path: Path) -> None:
    sound = written_sound(tmp_path / "tone.wav", SOUND)
    right = zoo.predict(pages.files["sound"], sound)
    pages.open("sound")
    told = pages.give(sound)
    decoded = right.examples[0].output
    assert told["best"] == [decoded.answer], told
    found = {name: float(value) for name, value in told["rows"]}
    assert all(abs(found[one.name] - one.value) <= 1e-3 for one in decoded.scores)
    # Written into a pipe, as ffmpeg does: neither length is known.
    whole, unknown, piped = sound.read_bytes(), b"\xff" * 4, tmp_path / "piped.wav"
    piped.write_bytes(whole[:4] + unknown + whole[8:40] + unknown + whole[44:])
    assert zoo.predict(pages.files["sound"], piped).examples[0].output.answer == decoded.answer
    assert pages.give(piped)["best"] == [decoded.answer]
    # Samples are missing, whatever the length of the file in its header says.
    for length in (len(whole) - 8, len(whole) - 108):
        cut = tmp_path / f"cut_{length}.wav"
        cut.write_bytes(whole[:4] + length.to_bytes(4, "little") + whole[8:-100])
        told = pages.give(cut)
        assert "cut off" in told["state"], told
        assert told["rows"] == []


def test_texts_are_answered_as_the_zoo_does(pages: Pages) -> None:
    right = zoo.predict(pages.files["text"], "A good, bad film").examples[0].output
    pages.open("text")
    for given in (TYPE, dropping(b"A good, bad film", "review.txt")):
        told = pages.act(given)
        assert told["best"] == [right.answer], told
        found = {name: float(value) for name, value in told["rows"]}
        assert all(abs(found[one.name] - one.value) <= 1e-5 for one in right.scores)


def test_a_dropped_file_that_is_not_one_text_is_refused(pages: Pages) -> None:
    pages.open("text")
    for content, name, why in (
        ("très bien".encode("latin-1"), "review.txt", "not text in UTF-8"),
        ("good".encode("utf-16"), "review.txt", "UTF-16"),
        (b"good\0", "review.txt", "NUL"),
        ("\ufeff \u200b\n".encode(), "review.txt", "the text is empty"),
        (b"text\ngood\nbad\n", "reviews.CSV", "several texts"),
        (b"good " * 4001, "review.txt", "a text may have 20000 bytes"),
    ):
        told = pages.act(dropping(content, name))
        assert why in told["state"], (why, told["state"])
        assert told["rows"] == []
    assert pages.act(dropping(b"good", "review.txt"))["rows"]


def test_a_file_that_gives_other_golden_outputs_is_refused(pages: Pages, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(rows_of_table(SERIES, 8), encoding="utf-8")
    pages.open("altered")
    told = pages.give(table)
    assert "this browser does not run the file as it was judged" in told["state"]
    assert told["rows"] == []
    assert told["golden"] == ""


def test_what_is_no_input_is_refused(pages: Pages, tmp_path: Path, pictures: list[Path]) -> None:
    pages.open("float32.onnx")
    text, huge = tmp_path / "notes.png", tmp_path / "huge.png"
    text.write_text("not a picture")
    with huge.open("wb") as file:
        file.truncate(65 << 20)
    for path, why in (
        (text, "not a picture that pages read"),
        (huge, "it has 68.2 MB, and 64 MB is the most"),
    ):
        told = pages.give(path)
        assert why in told["state"], told
        assert told["rows"] == []
    # After a refusal the next one is answered.
    assert pages.give(pictures[0])["rows"]
    pages.open("series")
    good = rows_of_table(SERIES, 8)
    each = (
        (good.replace('"y"', '"w"'), "has no column y"),
        ("\n".join(line.rpartition(",")[0] for line in good.splitlines()), "has no column"),
        (good.replace("\n", ",1\n", 2).replace(",1\n", "\n", 1), "columns, but the header has"),
        (good.replace("\n", "\r"), "old Macs"),
        (good + "1,two,3\n", "is not a number"),
        (good + "1,,3\n", "the value is missing"),
        (good + "1,1e60,3\n", "beyond the range of float32"),
        (good.splitlines()[0], "a header, but no rows"),
        (good + '1,"2,3\n', "quotes do not end"),
        (good + "1,-inf,3\n", "the value is -inf"),
        ("", "the file is empty"),
        ("\0", "NUL"),
    )
    for number, (wrong, why) in enumerate(each):
        table = tmp_path / f"wrong_{number}.csv"
        table.write_text(wrong)
        told = pages.give(table)
        assert why in told["state"], (why, told["state"])
        assert told["rows"] == []

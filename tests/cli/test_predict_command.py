"""``zoo predict`` on a file whose every answer is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from linear_network import BIAS, SIDE, WEIGHTS
from PIL import Image

import zoo as api
from zoo.common.errors import BadData, UsageError
from zoo.contracts import ImagePreprocessing
from zoo.data.preprocessing.images import to_pixels


def draw(path: Path, seed: int) -> np.ndarray:
    """A picture of another size than the network takes; returns the network's own scores of it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (20 + seed, 31, 3), dtype=np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    taken = to_pixels(pixels, ImagePreprocessing(height=SIDE, width=SIDE, channels=1))
    return taken.reshape(-1).astype(np.float64) @ WEIGHTS + BIAS


def test_pictures_of_a_folder_a_page_and_json(judged_file, zoo):
    scores = {f"photos/{n}.png": draw(Path(f"photos/{n}.png"), n) for n in range(6)}
    Path("photos/broken<b>.png").write_bytes(b"\x89PNG")
    typed = zoo("predict", judged_file, "photos", "--json", "--top", "3", "--html", "page.html")
    assert typed.code == 1
    assert {one["input"]: one["answer"] for one in typed.json["examples"]} == {
        name: str(own.argmax()) for name, own in scores.items()
    }
    first = typed.json["examples"][0]
    expected = sorted(scores["photos/0.png"], reverse=True)[:3]
    assert [score["value"] for score in first["scores"]] == pytest.approx(expected, rel=1e-4)
    assert typed.json["failed"] == [
        {"input": "photos/broken<b>.png", "why": "not an image, or of an unknown format"}
    ]
    assert sum(typed.json["counts"].values()) == typed.json["counted"] == 6
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("data:image/") >= 12  # as given, and as the network sees it
    assert "photos/broken&lt;b&gt;.png" in page
    assert page.count("<script") == page.count("<script>") == 1

    shown = zoo("predict", judged_file, "photos")
    assert shown.code == 1
    assert "of 6 inputs" in shown.out
    assert "not read: photos/broken<b>.png: not an image" in shown.err
    assert [line.split()[0] for line in shown.out.splitlines() if line.startswith("photos/")] == [
        *scores
    ]


def test_one_picture_by_a_run_and_from_python(judged_file, zoo):
    own = draw(Path("one.png"), 3)
    Path("run").mkdir()
    for name in ("a.int8.onnx", "b.float32.onnx.rejected"):
        shutil.copy(judged_file, Path("run") / name)
    typed = zoo("predict", "run", "one.png")
    assert (typed.code, typed.err) == (0, "")
    assert typed.out.startswith("a.int8.onnx, by onnxruntime\n\none.png\n")
    assert f"\n{own.argmax()} " in typed.out
    found = api.predict(judged_file, [np.asarray(Image.open("one.png")), Path("one.png")], top=1)
    assert [one.input for one in found.examples] == ["array 0", "one.png"]
    assert found.examples[0].output == found.examples[1].output
    assert json.dumps(found.plain())
    with pytest.raises(UsageError, match="top must be 1 or more"):
        api.predict(judged_file, "one.png", top=0)
    with pytest.raises(UsageError, match="no input is given"):
        api.predict(judged_file, [])


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (["missing.jpg"], "there is no file or folder missing.jpg"),
        (["missing.jpg", "gone.jpg"], "nothing could be read"),
        (["plain.txt"], "plain.txt cannot be used"),
        (["empty"], "there are no "),
    ],
)
def test_what_is_no_picture_is_refused_by_name(judged_file, zoo, inputs, told):
    Path("plain.txt").write_text("no picture")
    Path("empty").mkdir()
    typed = zoo("predict", judged_file, *inputs)
    assert typed.code == 2
    assert told in typed.err
    assert "Traceback" not in typed.err


def test_altered_files_answer_nothing(altered_file, plain_file, zoo):
    draw(Path("one.png"), 3)
    assert "was altered" in zoo("predict", altered_file, "one.png").err
    assert "add --data DATASET" in zoo("predict", plain_file, "one.png").err


def test_a_picture_that_is_there_is_refused_before_anything_is_answered(zoo, monkeypatch):
    from zoo.pipeline import predictions

    def never(*_, **__):
        raise BadData("the network was asked")

    monkeypatch.setattr(predictions, "call", never)
    draw(Path("cat.png"), 1)
    Path("cat.espcn_x2.photographs-degrade_bicubic2.png").write_bytes(b"")
    refused = zoo("predict", "espcn_x2", "cat.png")
    assert refused.code == 2
    assert "is there already" in refused.err
    assert "answers no masks" in zoo("predict", "espcn_x2", "cat.png", "--masks=new").err
    for more in ("--overwrite", "--pictures=other"):
        assert "the network was asked" in zoo("predict", "espcn_x2", "cat.png", more).err

"""Errors say what happened, why, and what to do; suggestions are always valid names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz

from zoo.common.errors import (
    BadData,
    BadFile,
    MissingExtra,
    ProcessFailed,
    UnknownName,
    UsageError,
    ZooError,
    first_line,
    nearest,
)


def test_message_has_three_sentences():
    error = ZooError("it broke", why="rust", fix="paint it")
    assert str(error) == "it broke\n  why: rust\n  fix: paint it"
    assert error.as_dict() == {
        "type": "ZooError",
        "what": "it broke",
        "why": "rust",
        "fix": "paint it",
    }
    assert str(ZooError("it broke")) == "it broke"


def test_notebooks_show_the_line_that_was_called_and_none_of_ours(tmp_path: Path) -> None:
    cell = tmp_path / "cell.py"
    cell.write_text("import zoo\n\nzoo.info('lenett5')\n", encoding="utf-8")
    with pytest.raises(UnknownName) as caught:
        exec(compile(cell.read_text(encoding="utf-8"), str(cell), "exec"), {})
    shown = "\n".join(caught.value._render_traceback_()).splitlines()
    assert shown[0] == "line 3: zoo.info('lenett5')"
    assert shown[1:] == f"UnknownName: {caught.value}".splitlines()
    # Raised by nothing of ours.
    assert ZooError("it broke")._render_traceback_() == ["ZooError: it broke"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZooError("x"), 1),
        (MissingExtra("onnx", "onnx"), 1),
        (ProcessFailed("x"), 1),
        (UsageError("x"), 2),
        (UnknownName("model", "x", []), 2),
        (BadData("x"), 2),
        (BadFile("x"), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(error, code):
    assert error.exit_code == code
    assert isinstance(error, ZooError)


def test_unknown_name_offers_the_nearest():
    error = UnknownName("model", "resnet9", ["lenet5", "resnet8", "resnet20"])
    assert str(error) == (
        "unknown model 'resnet9'\n  fix: did you mean 'resnet8' or 'resnet20' or 'lenet5'?"
    )
    assert error.suggestions == ["resnet8", "resnet20", "lenet5"]


def test_unknown_name_lists_all_when_none_is_near():
    assert UnknownName("format", "gif", ["onnx", "tflite"]).fix == "choose one of: onnx, tflite"


def test_long_lists_are_cut_and_say_what_shows_them_whole():
    many = [f"board{n:02}" for n in range(13)]
    assert UnknownName("label column", "gif", many).fix.endswith("board08, board09, and 3 more")
    shown = UnknownName("device", "gif", many).fix
    assert shown.endswith("board09, and 3 more; `zoo devices list` shows them all")
    assert "more" not in UnknownName("device", "gif", many[:10]).fix


def test_another_word_for_a_name_offers_that_name_alone():
    error = UnknownName("precision", "FP16", ["float16", "fp15"], meant={"fp16": "float16"})
    assert error.fix == "did you mean 'float16'?"
    assert error.suggestions == ["float16"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("rpi4", ["emulated-pi4"]),
        ("mnist", ["keras:mnist"]),
        ("mni", ["keras:mnist", "keras:mnist_rows"]),
        ("pi", []),
        ("rows", ["keras:mnist_rows"]),
        ("", []),
    ],
)
def test_nearest_takes_parts_where_no_whole_name_is_like_it(name, found):
    assert nearest(name, ["emulated-pi4", "keras:mnist", "keras:mnist_rows", "a4"]) == found


def test_unknown_name_where_nothing_is_provided():
    assert "zoo plugins list" in UnknownName("format", "gif", []).fix
    assert UnknownName("tag", "x", [], fix="train it").fix == "train it"


@pytest.mark.parametrize(
    ("name", "first"),
    [("LENET5", "LeNet5"), ("lenet", "LeNet5"), ("le", "LeNet5"), ("vgg", "vgg16"), ("", None)],
)
def test_nearest_ignores_case_and_takes_beginnings(name, first):
    assert [*nearest(name, ["LeNet5", "vgg16"]), None][0] == first


@fuzz
@given(st.text(), st.lists(st.text(max_size=8), max_size=6), st.integers(1, 4))
def test_nearest_never_fails_and_invents_nothing(name, valid, count):
    found = nearest(name, valid, count)
    assert len(found) <= count
    assert len(set(found)) == len(found)
    assert set(found) <= set(valid)


@fuzz
@given(st.lists(st.text(min_size=1), min_size=1, max_size=6, unique_by=str.lower), st.data())
def test_an_exact_name_comes_first(valid, data):
    name = data.draw(st.sampled_from(valid))
    assert nearest(name, valid)[0] == name


@fuzz
@given(st.text(), st.lists(st.text(max_size=8), max_size=6))
def test_unknown_name_can_always_be_made(name, valid):
    error = UnknownName("model", name, valid)
    assert error.fix
    assert repr(name) in str(error)


def test_numbers_of_the_system_are_left_out() -> None:
    assert ZooError("it failed", why="[Errno 28] No space left on device").why == (
        "No space left on device"
    )
    assert first_line(OSError(-2, "Name or service not known")) == "Name or service not known"
    assert first_line(OSError(2, "No such file", "x")) == "No such file: 'x'"

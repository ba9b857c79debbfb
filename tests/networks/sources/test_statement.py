"""The words of ``--input``."""

from __future__ import annotations

import pytest

from zoo.common.errors import UsageError
from zoo.networks.sources.statement import InputStatement, parse_statement


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", InputStatement()),
        ("NHWC RGB 32x48", InputStatement(layout="nhwc", size=(32, 48), order="rgb")),
        ("0..1", InputStatement(normalization=(1 / 255, (0.0,), (1.0,)), span=True)),
        (
            "-1..1 gray",
            InputStatement(order="grey", normalization=(2 / 255, (1.0,), (1.0,)), span=True),
        ),
        (
            "bgr mean=103.9,116.8,123.7 scale=1",
            InputStatement(order="bgr", normalization=(1.0, (103.9, 116.8, 123.7), (1.0,) * 3)),
        ),
        (
            "mean=0.5 std=0.2,0.3,0.4",
            InputStatement(normalization=(None, (0.5,) * 3, (0.2, 0.3, 0.4))),
        ),
        (
            "crop=0.875 bicubic",
            InputStatement(resize="crop", crop_share=0.875, interpolation="bicubic"),
        ),
    ],
)
def test_words_are_read(text: str, meant: InputStatement) -> None:
    assert parse_statement(text) == meant


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hwc", "'hwc' means nothing here"),
        ("nchw nhwc", "'nhwc' contradicts"),
        ("rgb bgr", "'bgr' contradicts"),
        ("0..1 mean=0.5", "contradicts another word"),
        ("1..0", "no range"),
        ("mean=a,b", "does not end in numbers"),
        ("mean=nan", "does not end in numbers"),
        ("mean=inf", "does not end in numbers"),
        ("mean=", "does not end in numbers"),
        ("mean", "'mean' means nothing here"),
        ("mean=1,2 std=1,1,1 scale=1", "one number each, or one for each channel"),
        ("std=0", "above 0"),
        ("std=-1", "above 0"),
        ("scale=0", "above 0"),
        ("scale=1,2 mean=0", "one number each"),
        ("mean=1 mean=2", "'mean=2' contradicts"),
        ("crop=0.8 crop=0.9", "'crop=0.9' contradicts"),
        ("crop=2", "no share"),
        ("crop=0", "no share"),
        ("pad=0.5", "no share"),
        ("0x224", "'0x224' means nothing here"),
    ],
)
def test_others_are_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=r"^--input") as caught:
        parse_statement(text)
    assert problem in str(caught.value)


def test_words_of_the_user_come_before_those_of_the_file():
    read = parse_statement("rgb scale=1 mean=127.5 std=127.5")
    both = parse_statement("pad").over(read)
    assert (both.order, both.resize, both.normalization) == ("rgb", "pad", read.normalization)
    assert both.known == "in its metadata"
    own = parse_statement("bgr 0..1").over(read)
    assert (own.order, own.span, own.known) == ("bgr", True, "stated")
    assert own.normalization == parse_statement("0..1").normalization

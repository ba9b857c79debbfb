"""Options behind a path: what is typed comes out again, and typos are named."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.data.readers.query import parse_query

KEYS = ("label", "window", "stride", "group")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(path=TEXT, options=st.dictionaries(st.sampled_from(KEYS), TEXT))
@example(path="what?.csv", options={})
@example(path="?", options={"label": "a&b=c?d%e+f"})
@example(path="%41.csv", options={"label": "100%"})
def test_what_is_written_is_read(path: str, options: dict[str, str]) -> None:
    typed = path + "?" + "&".join(f"{key}={quote(value)}" for key, value in options.items())
    read = parse_query("csv", typed, KEYS)
    assert (read.path, read.options) == (path, options)


@given(path=TEXT.filter(lambda text: "?" not in text))
def test_a_path_alone_needs_no_mark(path: str) -> None:
    read = parse_query("csv", path, KEYS)
    assert (read.path, read.options) == (path, {})


@given(argument=st.one_of(st.none(), st.text()))
def test_anything_is_read_or_refused_in_words(argument: str | None) -> None:
    with suppress(ZooError):
        read = parse_query("csv", argument, KEYS)
        assert read.path
        assert set(read.options) <= set(KEYS)
        assert all(read.options.values())


@pytest.mark.parametrize(
    ("argument", "what"),
    [
        (None, "csv needs a path"),
        ("", "csv needs a path"),
        ("?label=a", "csv needs a path"),
        ("a.csv?label", "'label' in csv:a.csv\\?label is not KEY=VALUE"),
        ("a.csv?label=", "'label=' in"),
        ("a.csv?=a", "'=a' in"),
        ("a.csv?label=a&", "'' in"),
        ("a.csv?label=a&label=b", "the option 'label' of csv is given twice"),
        ("what?.csv", "'.csv' in"),
    ],
)
def test_what_is_no_query(argument: str | None, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        parse_query("csv", argument, KEYS)
    assert caught.value.fix


def test_a_path_with_a_question_mark_is_told_how() -> None:
    with pytest.raises(UsageError) as caught:
        parse_query("csv", "what?.csv", KEYS)
    assert "csv:what?.csv?" in (caught.value.fix or "")
    with pytest.raises(UsageError) as caught:
        parse_query("csv", "a.csv?label=", KEYS)
    assert (caught.value.fix or "").startswith("write csv:a.csv?label=VALUE;")


def test_a_typo_in_a_key_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown option of csv 'windwo'") as caught:
        parse_query("csv", "a.csv?windwo=3", KEYS)
    assert caught.value.suggestions == ["window"]


def test_a_dataset_without_options_says_so() -> None:
    with pytest.raises(UsageError, match="conll takes no options, but got 'label=a'"):
        parse_query("conll", "a.txt?label=a")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "٣", "1e3", "9" * 5000, "1_0", " 1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(UsageError, match="is not a whole number from 1"):
        parse_query("csv", f"a.csv?window={text}", KEYS).number("window")


def test_values() -> None:
    read = parse_query("csv", "a.csv?window=050&label=a, b%2C,c", KEYS)
    assert read.number("window") == 50
    assert read.number("stride") is None
    assert read.names("label") == ("a", "b", "c")
    assert read.names("group") == ()
    assert read.choice("group", ("first", "second")) == "first"
    with pytest.raises(UnknownName, match="unknown window of csv '050'"):
        read.choice("window", ("50", "60"))

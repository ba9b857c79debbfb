"""How texts are cut into tokens, by today's rule and by that of older files."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from odd_texts import ODD_TEXTS, random_texts
from pydantic import TypeAdapter

from zoo.contracts import TokenPreprocessing
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing.characters import table_of
from zoo.contracts.preprocessing.stored import StoredPreprocessing
from zoo.data.preprocessing.inputs import kind_of
from zoo.data.preprocessing.tokens import tokens_of

STORED: TypeAdapter = TypeAdapter(StoredPreprocessing)


@pytest.mark.parametrize("text", ODD_TEXTS, ids=ascii)
def test_a_text_is_cut_where_readers_would(text: str) -> None:
    assert tokens_of(np.array(text), lowercase=True) == ODD_TEXTS[text].split()


def test_each_form_of_a_text_has_the_same_tokens() -> None:
    for text in [*ODD_TEXTS, *random_texts(500)]:
        composed, apart = (
            tokens_of(np.array(unicodedata.normalize(form, text)), lowercase=True)
            for form in ("NFC", "NFD")
        )
        # What is left out may stand between two signs, where the forms order them differently.
        if not any(table_of("unicode").forms.get(ord(one)) == "" for one in text):
            assert composed == apart == tokens_of(np.array(text), lowercase=True), ascii(text)


def test_given_tokens_stay_whole() -> None:
    """Of a tagger's rows no token is cut, nor lost, or tags would shift."""
    given = np.array(["New\nYork", "cafe\u0301", "\u200b", "\u200e", "今天", "\uff21\ufe0f", "İ"])
    found = tokens_of(given, lowercase=False)
    assert found == ["New York", "café", "\u200b", "\u200e", "今天", "A", "İ"]


def test_older_records_answer_as_they_did() -> None:
    older = STORED.validate_python({"kind": "tokens", "length": 5, "size": 6})
    assert isinstance(older, TokenPreprocessing)
    assert older.rule == "plain"
    cut = tokens_of(np.array("It’s Cafe\u0301, 今天的"), older.lowercase, older.rule)
    assert cut == ["it’s", "cafe", "\u0301", ",", "今天的"]
    assert tokens_of(np.array(["\uff21", "e\u0301"]), lowercase=True, rule="plain") == [
        "\uff41",
        "e\u0301",
    ]
    text = Split(
        labels=np.zeros(1, np.int64), read=lambda _: np.array("Cafe\u0301 a"), content_hash=""
    )
    assert kind_of(older).step_texts(text, 0, [0, 1, 2]) == ("Cafe", "\u0301", "a")
    newer = TokenPreprocessing(length=5, size=6)
    assert newer.rule == "unicode"
    for record in (older, newer):
        assert STORED.validate_python(STORED.dump_python(record)) == record


def test_the_files_of_a_bundle_have_one_line_for_each_word() -> None:
    record = TokenPreprocessing(length=5, size=9, vocabulary=("a\r\nb", "\n", "c"), rule="plain")
    assert record.text_files()["vocabulary"] == ("a b", " ", "c")
    for rule in ("plain", "unicode"):
        ranges = table_of(rule).ranges
        assert all(
            first <= last < following for (first, last, _), (following, _, _) in pairwise(ranges)
        )

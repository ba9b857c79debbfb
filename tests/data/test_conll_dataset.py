"""Tagged sentences from CoNLL files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.common.errors import BadData, UsageError, ZooError
from zoo.contracts import Dataset, TokenPreprocessing
from zoo.contracts.dataset import IGNORED
from zoo.data.conll import fingerprint, open_conll
from zoo.data.preprocessing.inputs import fitted, labels_for, read_inputs

Tagged = list[tuple[str, str]]


def sentences(count: int, start: int = 0) -> list[Tagged]:
    return [
        [("Visit", "O"), (f"City{i}", "B-LOC"), *[("now", "O")] * (i % 4)]
        for i in range(start, start + count)
    ]


def text_of(found: list[Tagged], between: str = "\t") -> str:
    return "\n".join(
        "".join(f"{token}{between}{tag}\n" for token, tag in sentence) for sentence in found
    )


def write(path: Path, found: list[Tagged], between: str = "\t") -> str:
    path.write_text(text_of(found, between), encoding="utf-8")
    return str(path)


def read_back(dataset: Dataset, name: str) -> list[Tagged]:
    split = dataset.splits[name]
    found = []
    for i in range(len(split)):
        tokens = split.read(i)
        assert tokens.dtype.kind == "U"
        own = split.labels[i]
        assert (own[len(tokens) :] == IGNORED).all()
        tags = [dataset.classes[label] for label in own[: len(tokens)]]
        found.append(list(zip(tokens.tolist(), tags, strict=True)))
    return found


@pytest.mark.parametrize("between", ["\t", " ", "   ", "\tNN\tx\t", " NN x "])
def test_a_file(tmp_path: Path, between: str) -> None:
    dataset = open_conll(write(tmp_path / "a.txt", sentences(40), between))
    assert dataset.classes == ("O", "B-LOC")
    assert dataset.notes == ()
    found = [read_back(dataset, name) for name in dataset.splits]
    assert sorted(s for own in found for s in own) == sorted(sentences(40))
    assert all(len(own) >= 3 for own in found)
    assert {split.labels.shape[1] for split in dataset.splits.values()} == {5}


def test_documents_empty_lines_and_line_ends(tmp_path: Path) -> None:
    lines = ["\ufeff-DOCSTART- -X- O", ""]
    for sentence in sentences(10):
        lines += [*(f"{token} {tag}" for token, tag in sentence), "", " \t", "-DOCSTART- O", ""]
    path = tmp_path / "a.conll"
    path.write_bytes("\r\n".join(lines).encode())
    dataset = open_conll(str(path))
    assert sum(map(len, dataset.splits.values())) == 10
    plain = open_conll(write(tmp_path / "b.conll", sentences(10)))
    assert plain.content_hash == dataset.content_hash


def universal(found: list[Tagged]) -> str:
    """Sentences as CoNLL-U has them, with all that is no word of theirs."""
    lines = ["# newdoc id = a", "# global.Entity = x"]
    for number, sentence in enumerate(found):
        lines += [f"# sent_id = {number}", "# text = 1\tthe whole sentence"]
        lines += ["1-2\tVisitCity" + "\t_" * 8]
        for place, (token, tag) in enumerate(sentence, start=1):
            rest = f"lemma\t{tag}\tX\tCase=Nom\t0\troot\t_\tSpaceAfter=No"
            lines += [f"{place}\t{token}\t{rest}", f"{place}.1\tunsaid" + "\t_" * 8]
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["a.conllu", "a.conll", "a.tsv", "a.txt"])
def test_universal_dependencies(tmp_path: Path, name: str) -> None:
    found = [[*one, ("New York", "PROPN"), ("_", "PUNCT"), ("#", "SYM")] for one in sentences(10)]
    path = tmp_path / name
    path.write_bytes(("\ufeff" + universal(found)).replace("\n", "\r\n").encode())
    dataset = open_conll(str(path))
    assert sorted(s for n in dataset.splits for s in read_back(dataset, n)) == sorted(found)
    assert set(dataset.classes) == {"O", "B-LOC", "PROPN", "PUNCT", "SYM"}


def test_a_folder_of_a_treebank(tmp_path: Path) -> None:
    parts = {"train": sentences(9), "dev": sentences(3, 20), "test": sentences(4, 30)}
    for name, found in parts.items():
        (tmp_path / f"en_ewt-ud-{name}.conllu").write_text(universal(found))
    dataset = open_conll(str(tmp_path))
    for split, found in zip(dataset.splits, parts.values(), strict=True):
        assert read_back(dataset, split) == found


WORDS = universal(sentences(5))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.conllu", text_of(sentences(9)), "line 1: 2 columns, but CoNLL-U has 10"),
        ("a.conllu", WORDS.replace("1\tVisit", "2\tVisit", 1), "of the word is '2', not 1"),
        ("a.conllu", WORDS.replace("\n\n", "\n", 1), "of the word is '1', not 3"),
        ("a.conllu", WORDS.replace("1\tVisit", f"{'9' * 5000}\tVisit", 1), "of the word is '9"),
        ("a.conllu", WORDS.replace("1\tVisit", "\u0661\tVisit", 1), "of the word is '\u0661', not"),
        ("a.conllu", WORDS.replace("\tO\t", "\t_\t", 1), "'Visit' has no part of speech"),
        ("a.conllu", WORDS.replace("1\tVisit\t", "1\t\t", 1), "the token is '', its tag is 'O'"),
        ("a.txt", WORDS.replace("1\tVisit", "7\tVisit", 1), "of the word is '7', not 1"),
        (
            "a.conll",
            "1 a O\n2 b O\n3 c B\n\n" + text_of(sentences(9)),
            "numbers of tokens, not tokens",
        ),
    ],
)
def test_universal_dependencies_that_are_none(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadData, match=message):
        open_conll(str(tmp_path / name))


def test_numbers_may_be_tokens(tmp_path: Path) -> None:
    found = [[("a", "O"), ("b", "O")], *([(n, "B") for n in "1234"] for _ in range(1))]
    found += sentences(5)
    dataset = open_conll(write(tmp_path / "a.conll", found, "\tx\t"))
    assert sorted(s for n in dataset.splits for s in read_back(dataset, n)) == sorted(found)


def test_tokens_with_blanks(tmp_path: Path) -> None:
    found = [[(f"New {i}", "B"), ("is big", "O")] for i in range(5)]
    dataset = open_conll(write(tmp_path / "a.tsv", found))
    assert sorted(s for n in dataset.splits for s in read_back(dataset, n)) == found


def test_what_a_network_gets(tmp_path: Path) -> None:
    dataset = open_conll(write(tmp_path / "a.txt", sentences(40)))
    fit = fitted(TokenPreprocessing(length=4, size=20), dataset)
    assert isinstance(fit, TokenPreprocessing)
    assert {"visit", "now"} <= set(fit.vocabulary)
    split = dataset.splits["train"]
    inputs, labels = read_inputs(split, fit), labels_for(split, fit)
    assert inputs.shape == labels.shape == (len(split), 4)
    # Where there is no token, there is nothing to say.
    np.testing.assert_array_equal(inputs == 0, labels == IGNORED)


@pytest.mark.parametrize("name", ["dev.txt", "valid.conll", "validation.tsv", "Val.bio"])
def test_a_folder_of_splits(tmp_path: Path, name: str) -> None:
    parts = {"train.txt": sentences(9), name: sentences(3, 20), "test.txt": sentences(4, 30)}
    for file, found in parts.items():
        write(tmp_path / file, found)
    (tmp_path / "readme.txt").write_text("not a dataset")
    dataset = open_conll(str(tmp_path))
    for split, found in zip(dataset.splits, parts.values(), strict=True):
        assert read_back(dataset, split) == found
    assert "readme.txt (not named after a split)" in "".join(dataset.notes)


def test_copies_of_test_sentences_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", [*sentences(20), *sentences(2, 30), *sentences(1)])
    write(tmp_path / "test.txt", sentences(4, 30))
    dataset = open_conll(str(tmp_path))
    assert "2 examples are left out" in dataset.notes[0]
    assert "15 % of train" in dataset.notes[1]
    assert read_back(dataset, "test") == sentences(4, 30)
    rest = [str(s) for n in ("train", "validation") for s in read_back(dataset, n)]
    assert len(rest) == 21
    assert not set(rest) & {str(s) for s in sentences(4, 30)}
    # The sentence that stands twice in train is in one of its two parts.
    one, other = ({str(s) for s in read_back(dataset, n)} for n in ("train", "validation"))
    assert not one & other


def test_tags_that_training_lacks_are_noted(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", sentences(20))
    write(tmp_path / "test.txt", [[("Bob", "B-PER")]])
    assert "1 tags without an example in train: B-PER" in open_conll(str(tmp_path)).notes


GOOD = text_of(sentences(10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.txt has 0 different sentences, but needs 3"),
        (text_of(sentences(2)), "a.txt has 2 different sentences"),
        (text_of(sentences(1) * 9), "a.txt has 1 different sentences"),
        ("word\n" + GOOD, "a.txt, line 1: 'word' has no tag"),
        ("\n" + GOOD.replace("Visit\tO", "Visit", 1), "line 2: 'Visit' has no tag"),
        ("\n" + GOOD.replace("Visit\tO", "Visit\tNN\tO", 1), "line 3: 2 columns, .* have 3"),
        (GOOD.replace("Visit\tO", "Visit\t\tO", 1), "line 2: 2 columns, .* have 3"),
        ("x\tO\n\n" + GOOD.replace("Visit\tO", "Visit\tO\x07", 1), r"its tag is 'O\\x07'"),
        ("x\ty\n" * 4097, "line 4097: a sentence has more than 4,096 tokens"),
        (GOOD.replace("B-LOC", "O"), "there is only one tag: O"),
        (GOOD.encode() + b"\xff\tO\n", "byte 1 is 0xff"),
        (GOOD.encode("utf-16"), "a.txt is UTF-16 text"),
        (GOOD + "a\0\tO\n", "there is a NUL"),
        (GOOD + "a" * 2_000_000 + "\tO\n", "the line is longer"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, content: str | bytes, message: str) -> None:
    data = content.encode() if isinstance(content, str) else content
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(BadData, match=message) as caught:
        open_conll(f"{tmp_path}/a.txt")
    assert caught.value.fix


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", sentences(9))
    with pytest.raises(UsageError, match="holds no file called test"):
        open_conll(str(tmp_path))
    write(tmp_path / "dev.txt", sentences(3, 20))
    held_out = open_conll(str(tmp_path))
    assert held_out.notes[0] == "dev.txt serves as test, since there is no file for test"
    assert len(held_out.splits["test"]) == 3
    (tmp_path / "dev.txt").rename(tmp_path / "test.txt")
    for name in ("dev.txt", "valid.txt"):
        write(tmp_path / name, sentences(3, 30))
    with pytest.raises(BadData, match=r"dev.txt and valid.txt mean the same split"):
        open_conll(str(tmp_path))


def test_no_file(tmp_path: Path) -> None:
    for function in (open_conll, fingerprint):
        for argument in (None, "", "/no/such.txt", str(tmp_path)):
            with pytest.raises(UsageError, match=r"needs a path|there is no folder|there are no"):
                function(argument)
        with pytest.raises(UsageError, match="conll takes no options, but got 'tag=1'"):
            function("a.txt?tag=1")


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write(tmp_path / "test.txt", sentences(9))
    (folder / "test.txt").symlink_to(tmp_path / "test.txt")
    with pytest.raises(BadData, match="outside the folder"):
        open_conll(str(folder))


def test_hash_and_fingerprint(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", sentences(20))
    first, mark = open_conll(path).content_hash, fingerprint(path)
    assert (open_conll(path).content_hash, fingerprint(path)) == (first, mark)
    changed = sentences(20)
    changed[3][0] = ("Visit", "B-LOC")
    write(Path(path), changed)
    os.utime(path, ns=(5, 5))
    assert open_conll(path).content_hash != first
    assert fingerprint(path) != mark


TOKEN = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=5).filter(
    lambda text: not text.startswith("-DOCSTART-") and not text.startswith("\ufeff")
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    found=st.lists(
        st.lists(st.tuples(TOKEN, st.sampled_from(["O", "B", "I"])), min_size=1, max_size=6),
        max_size=12,
    ),
    between=st.sampled_from(["\t", " ", "\tx\t"]),
)
def test_what_is_written_is_read(tmp_path: Path, found: list[Tagged], between: str) -> None:
    path = write(tmp_path / "a.txt", found, between)
    with suppress(BadData):
        dataset = open_conll(path)
        assert sorted(s for n in dataset.splits for s in read_back(dataset, n)) == sorted(found)
        rows = [{tuple(t for t, _ in s) for s in read_back(dataset, n)} for n in dataset.splits]
        assert sum(map(len, rows)) == len(set().union(*rows)), "a sentence is in two splits"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with suppress(ZooError):
        open_conll(f"{tmp_path}/a.txt")

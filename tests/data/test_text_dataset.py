"""Texts from folders and tables, the well-meant and the hostile."""

from __future__ import annotations

import csv
import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from zoo.common.errors import BadData, UnknownName, UsageError, ZooError
from zoo.contracts import Dataset, TokenPreprocessing
from zoo.data.preprocessing.inputs import fitted, read_inputs
from zoo.data.text import fingerprint, open_text


def contents(dataset: Dataset) -> dict[str, dict[str, str]]:
    """For each split the texts with their classes."""
    return {
        name: {
            split.read(i).item(): dataset.classes[label]
            for i, label in enumerate(split.labels.tolist())
        }
        for name, split in dataset.splits.items()
    }


def together(dataset: Dataset) -> dict[str, str]:
    found = contents(dataset)
    merged = {text: label for own in found.values() for text, label in own.items()}
    assert len(merged) == sum(map(len, found.values())), "a text is in two splits"
    return merged


TEXTS = {
    f"{mood} number {i}, it's {word}": mood
    for i in range(10)
    for mood, word in (("good", "fine"), ("bad", "awful"))
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "texts"
    for i, (text, mood) in enumerate(TEXTS.items()):
        (root / mood).mkdir(parents=True, exist_ok=True)
        (root / mood / f"{i}.txt").write_text(f"{text}\n", encoding="utf-8")
    return root


def table(path: Path, header: tuple[str, ...] = (), order: int = 1) -> str:
    rows = [header] if header else []
    rows += [pair[::order] for pair in TEXTS.items()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows(rows)
    return str(path)


def test_a_folder_per_class(folder: Path) -> None:
    dataset = open_text(str(folder))
    assert dataset.name == f"text:{folder}"
    assert dataset.classes == ("bad", "good")
    assert dataset.notes == ()
    assert together(dataset) == TEXTS
    example = dataset.splits["train"].read(0)
    assert example.shape == ()
    assert example.dtype.kind == "U"


@pytest.mark.parametrize("name", ["data.csv", "data.tsv"])
@pytest.mark.parametrize(
    ("header", "order", "options"),
    [
        ((), 1, ""),
        (("text", "label"), 1, ""),
        (("Label", "TEXT"), -1, ""),
        (("review", "mood"), 1, ""),
        (("mood", "review"), -1, "?text=review&label=mood"),
        (("mood", "text"), -1, "?label=mood"),
    ],
)
def test_a_table(
    tmp_path: Path, name: str, header: tuple[str, ...], order: int, options: str
) -> None:
    dataset = open_text(table(tmp_path / name, header, order) + options)
    assert together(dataset) == TEXTS
    guessed = header == ("review", "mood")
    assert dataset.notes == (("line 1 is taken for a header: review, mood",) if guessed else ())


def test_folder_and_table_are_split_alike(folder: Path, tmp_path: Path) -> None:
    one, other = open_text(str(folder)), open_text(table(tmp_path / "a.csv"))
    assert contents(one) == contents(other)


def test_semicolons_and_byte_order_mark(tmp_path: Path) -> None:
    text = "text;label\n" + "".join(f'"{t}";{m}\n' for t, m in TEXTS.items())
    (tmp_path / "a.csv").write_text(text, encoding="utf-8-sig")
    assert together(open_text(f"{tmp_path}/a.csv")) == TEXTS


def test_quotes_in_tsv_are_signs(tmp_path: Path) -> None:
    lines = [f'"{text}\t{mood}' for text, mood in TEXTS.items()]
    (tmp_path / "a.tsv").write_text("\n".join(lines))
    assert set(together(open_text(f"{tmp_path}/a.tsv"))) == {f'"{text}' for text in TEXTS}


def test_what_a_network_gets(folder: Path) -> None:
    dataset = open_text(str(folder))
    fit = fitted(TokenPreprocessing(length=6, size=50), dataset)
    assert isinstance(fit, TokenPreprocessing)
    assert {"it's", "number", "good", "awful"} <= set(fit.vocabulary)
    inputs = read_inputs(dataset.splits["test"], fit)
    assert inputs.shape == (len(dataset.splits["test"]), 6)
    words = set(" ".join(contents(dataset)["train"]).lower().replace(",", " ").split())
    assert set(fit.vocabulary) - {","} <= words


def test_given_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for mood in ("good", "bad"):
            (tmp_path / split / mood).mkdir(parents=True)
            for i in range(8):
                path = tmp_path / split / mood / f"{i}.txt"
                path.write_text(f"{mood} {split} {i}")
    dataset = open_text(str(tmp_path))
    assert all("test" in text for text in contents(dataset)["test"])
    assert len(dataset.splits["test"]) == 16
    (tmp_path / "test").rename(tmp_path / "valid")
    cut = open_text(f"{tmp_path}?test=0.25")
    assert [len(split) for split in cut.splits.values()] == [12, 16, 4]
    (tmp_path / "valid").rename(tmp_path / "test")
    assert "15 % of train/" in dataset.notes[0]
    (tmp_path / "test" / "good" / "copy.txt").write_text("\n good train 3 \n")
    with pytest.raises(BadData, match=r"train/good/3.txt = test/good/copy.txt"):
        zoo.open_dataset(f"text:{tmp_path}")


def test_copies_stay_together(tmp_path: Path) -> None:
    lines = [f"{text},{mood}" for text, mood in TEXTS.items() for _ in range(3)]
    (tmp_path / "a.csv").write_text("\n".join(lines).replace(", ", " "))
    dataset = open_text(f"{tmp_path}/a.csv")
    together(dataset)
    assert sum(map(len, dataset.splits.values())) == 60


def test_a_text_in_two_classes_is_noted(tmp_path: Path) -> None:
    path = Path(table(tmp_path / "a.csv"))
    with path.open("a", encoding="utf-8") as file:
        file.write("so so,good\nso so,bad\n")
    notes = "".join(open_text(str(path)).notes)
    assert "a.csv, line 21 = a.csv, line 22" in notes
    assert "look alike" not in notes
    text = path.read_text(encoding="utf-8").replace('fine",good', 'fine",Good', 5)
    path.write_text(text.replace(",bad", ",cafe\u0301", 5).replace(",bad", ",caf\u00e9"))
    dataset = open_text(str(path))
    assert dataset.classes == ("Good", "caf\u00e9", "good")
    assert "different classes whose names look alike: 'Good', 'good'" in dataset.notes


def test_few_broken_texts_are_left_out_and_listed(folder: Path) -> None:
    for i in range(100):
        (folder / "good" / f"more{i}.txt").write_text(f"more {i}")
    (folder / "good" / "empty.txt").write_text("\ufeff \n \u200b\u200e")
    (folder / "good" / "x.md").write_text("x")
    dataset = open_text(str(folder))
    assert dataset.notes == (
        "1 left out: not .txt: good/x.md",
        "1 left out: broken: good/empty.txt: empty",
    )
    (folder / "bad" / "latin.txt").write_bytes("sch\xf6n".encode("latin-1"))
    with pytest.raises(BadData, match="2 of 122 texts are broken") as caught:
        open_text(str(folder))
    assert "bad/latin.txt: byte 4 is 0xf6, not UTF-8" in caught.value.what
    assert "good/empty.txt: empty" in caught.value.what


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"a\0b", "NUL"), ("a b".encode("utf-16"), "byte 1 is 0xff"), (b"a" * 10_000_001, "10000001")],
)
def test_what_is_no_text(folder: Path, content: bytes, problem: str) -> None:
    (folder / "good" / "x.txt").write_bytes(content)
    with pytest.raises(BadData, match=f"good/x.txt: .*{problem}"):
        open_text(str(folder))


ROWS = "\n".join(f"{text.replace(',', '')},{mood}" for text, mood in TEXTS.items()) + "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv is empty"),
        ("\n\n", "a.csv is empty"),
        ("only one column\nand no class\n", "line 1: 1 columns where 2 are expected"),
        (ROWS + "a, b,good\n", "line 21: 3 columns where 2 are expected"),
        (ROWS + "a,\n", "line 21: the class is missing"),
        (ROWS + "a,b\x07\n", "line 21: 'b\\\\x07' is no usable class name"),
        (ROWS + ",good\n", "1 of 21 texts are broken, .*a.csv, line 21: empty"),
        (ROWS + '"a,good\n', "line 21: unexpected end of data"),
        (ROWS + '"a"b,good\n', "line 21: .*expected after"),
        (ROWS + "a\0b,good\n", "line 21: there is a NUL"),
        (ROWS + "a" * 200_000 + ",good\n", "line 21: field larger than"),
        (ROWS.encode() + b"\xe4,good\n", "line 21: byte 1 is 0xe4"),
        (ROWS.replace(",bad", ",good"), "a.csv holds only one class: good"),
        (ROWS + "x,new\ny,new\n", "class 'new' has 2 distinct examples"),
        ("text,label\n", "a.csv holds only one class: none"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, content: str | bytes, message: str) -> None:
    data = content.encode() if isinstance(content, str) else content
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(BadData, match=message) as caught:
        open_text(f"{tmp_path}/a.csv")
    assert caught.value.fix


def test_formulas_are_texts_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS + '"=HYPERLINK(""http://x"")",good\n')
    assert '=HYPERLINK("http://x")' in together(open_text(f"{tmp_path}/a.csv"))


def test_wrong_options(folder: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ("review", "mood"))
    with pytest.raises(UnknownName, match=r"unknown column of a.csv 'revew'") as caught:
        open_text(f"{path}?text=revew&label=mood")
    assert caught.value.suggestions == ["review"]
    with pytest.raises(UnknownName, match="unknown option of text 'lable'"):
        open_text(f"{path}?lable=mood")
    with pytest.raises(UsageError, match="is a folder, which has no columns"):
        open_text(f"{folder}?text=a")
    with pytest.raises(UsageError, match="test= is for folders"):
        open_text(f"{path}?text=review&label=mood&test=0.2")
    for function in (open_text, fingerprint):
        for argument in (None, "", "/no/such.csv"):
            with pytest.raises(UsageError, match=r"text needs a path|there is no file or folder"):
                function(argument)


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "good" / "link.txt").symlink_to(tmp_path / "secret.txt")
    for function in (open_text, fingerprint):
        with pytest.raises(BadData, match="outside the folder"):
            function(str(folder))


def test_hash_and_fingerprint(folder: Path, tmp_path: Path) -> None:
    for path, changed in (
        (str(folder), folder / "good" / "0.txt"),
        (table(tmp_path / "a.csv"), tmp_path / "a.csv"),
    ):
        first, mark = open_text(path).content_hash, fingerprint(path)
        assert (open_text(path).content_hash, fingerprint(path)) == (first, mark)
        changed.write_text(changed.read_text().replace("number 0", "number zero"))
        os.utime(changed, ns=(5, 5))
        assert open_text(path).content_hash != first
        assert fingerprint(path) != mark


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pairs=st.lists(st.tuples(FIELD, st.sampled_from(["a", "b"])), max_size=12))
def test_any_table_is_read_or_refused_in_words(
    tmp_path: Path, pairs: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("text", "label"), *pairs])
    (tmp_path / "a.csv").write_bytes(text.getvalue().encode())
    with suppress(ZooError):
        found = together_with_copies(open_text(f"{tmp_path}/a.csv"))
        assert found == sorted((t.strip(), m) for t, m in pairs)


def together_with_copies(dataset: Dataset) -> list[tuple[str, str]]:
    return sorted(
        (split.read(i).item(), dataset.classes[label])
        for split in dataset.splits.values()
        for i, label in enumerate(split.labels.tolist())
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, data: bytes) -> None:
    for name in ("a.csv", "a.tsv"):
        (tmp_path / name).write_bytes(data)
        with suppress(ZooError):
            assert np.all(open_text(f"{tmp_path}/{name}").splits["train"].labels >= 0)

"""Time series from CSV files, the well-meant and the hostile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData, UnknownName, UsageError, ZooError
from zoo.contracts import Dataset, SeriesPreprocessing
from zoo.data.csv_series import fingerprint, open_csv
from zoo.data.preprocessing.inputs import fitted, labels_for, read_inputs

Write = Callable[..., str]


def rows(
    runs: Iterable[tuple[str, str, int]], start: int = 0, header: str = "x,y,label,who"
) -> str:
    """Runs of (label, group, length); x numbers the rows and wraps round, y is its half."""
    lines, number = [header], start
    for label, group, count in runs:
        for _ in range(count):
            lines.append(f"{number % 1000},{number / 2},{label},{group}")
            number += 1
    return "\n".join(lines) + "\n"


MANY = [(label, f"p{i}", 20) for i in range(8) for label in ("rest", "walk")]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes, name: str = "data.csv") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return make


def seen(dataset: Dataset, split: str) -> set[float]:
    """Half the numbers of the rows in a split."""
    own = dataset.splits[split]
    return {float(value) for i in range(len(own)) for value in own.read(i)[:, 1]}


def refuse_shared_rows(dataset: Dataset) -> None:
    found = [seen(dataset, name) for name in dataset.splits]
    assert sum(map(len, found)) == len(set().union(*found)), "a row is in two splits"


def test_windows_of_groups(write: Write) -> None:
    path = write(rows(MANY))
    dataset = open_csv(f"{path}?window=8&stride=4&group=who")
    assert dataset.name == f"csv:{path}?window=8&stride=4&group=who"
    assert dataset.classes == ("rest", "walk")
    assert "split by who" in dataset.notes[0]
    assert sum(map(len, dataset.splits.values())) == 16 * 4
    refuse_shared_rows(dataset)
    for split in dataset.splits.values():
        assert set(split.labels.tolist()) == {0, 1}
        for i, label in enumerate(split.labels.tolist()):
            window = split.read(i)
            assert window.shape == (8, 2)
            assert window.dtype == np.float32
            first = round(float(window[0, 1]) * 2)
            assert window[:, 1].tolist() == [(first + k) / 2 for k in range(8)]
            # 20 rows of each label in turn: no window reaches into the next.
            assert first // 20 == (first + 7) // 20
            assert first // 20 % 2 == label
    assert not split.read(0).flags.writeable


def test_no_group_is_in_two_splits(write: Write) -> None:
    dataset = open_csv(write(rows(MANY)) + "?window=5&group=who")
    people = [{value * 2 // 40 for value in seen(dataset, name)} for name in dataset.splits]
    assert sum(map(len, people)) == 8


def test_blocks_of_time_where_groups_are_few(write: Write) -> None:
    path = write(rows([("rest", "p", 200), ("walk", "p", 200)]))
    dataset = open_csv(f"{path}?window=10&stride=2&channels=x,y")
    assert "split by time, not by file" in dataset.notes[0]
    refuse_shared_rows(dataset)
    for label in (0, 1):
        last = {}
        for name, split in dataset.splits.items():
            own = [split.read(i)[:, 1].max() for i in np.flatnonzero(split.labels == label)]
            last[name] = max(own)
        assert last["train"] < last["validation"] < last["test"]
    shares = [len(split) / (2 * 96) for split in dataset.splits.values()]
    assert shares[0] > 0.6
    assert min(shares) > 0.1


def test_each_file_is_a_recording(write: Write, tmp_path: Path) -> None:
    for i in range(12):
        label = ("rest", "walk")[i % 2]
        text = rows([(label, "x", 23)], start=1000 * i, header="x,y,label,who")
        write(text.replace(",x\n", f",{i}\n"), f"all/{i:02}.csv")
    (tmp_path / "all" / "read me.md").write_text("x")
    dataset = open_csv(f"{tmp_path}/all?window=10&channels=x,y")
    assert "split by file" in dataset.notes[0]
    assert "read me.md (not .csv or .tsv)" in dataset.notes[1]
    assert dataset.source == "12 files"
    assert sum(map(len, dataset.splits.values())) == 24
    refuse_shared_rows(dataset)


def test_new_recordings_leave_the_others_where_they_were(write: Write, tmp_path: Path) -> None:
    def where() -> dict[float, str]:
        dataset = open_csv(f"{tmp_path}/all?window=10&channels=x,y")
        return {value: name for name in dataset.splits for value in seen(dataset, name)}

    for i in range(40):
        write(rows([(("a", "b")[i % 2], "x", 10)], start=1000 * i), f"all/{i:02}.csv")
    before = where()
    write(rows([("a", "x", 10)], start=900_000), "all/0new.csv")
    after = where()
    assert before.items() <= after.items()


def test_names_and_order_of_files_have_no_say(write: Write, tmp_path: Path) -> None:
    for i in range(10):
        text = rows([(("a", "b")[i % 2], "x", 10)], start=100 * i)
        write(text, f"one/{i}.csv")
        write(text, f"two/sub/{9 - i}.csv")
    first, second = (open_csv(f"{tmp_path}/{n}?window=10&channels=x,y") for n in ("one", "two"))
    for name in first.splits:
        assert seen(first, name) == seen(second, name)


def test_copies_of_training_windows_are_left_out(write: Write) -> None:
    runs = [(label, f"p{i}", 20) for i in range(9) for label in ("rest", "walk")]
    lines = rows(runs, start=1).splitlines()
    # Every person also rested with the sensor off.
    lines += [f"0,0,rest,p{i}" for i in range(9) for _ in range(20)]
    dataset = open_csv(write("\n".join(lines)) + "?window=10&group=who")
    off = {
        name: sum(not split.read(i).any() for i in range(len(split)))
        for name, split in dataset.splits.items()
    }
    assert off["train"] > 0
    assert off["validation"] == off["test"] == 0
    assert any("another holds the same values" in note for note in dataset.notes)
    refuse_shared_rows(dataset)


def test_a_class_of_copies_alone_is_refused(write: Write) -> None:
    lines = rows([("walk", f"p{i}", 20) for i in range(9)]).splitlines()
    lines += [f"0,0,off,p{i}" for i in range(9) for _ in range(20)]
    with pytest.raises(BadData, match="class 'off' has no windows of its own in"):
        open_csv(write("\n".join(lines)) + "?window=10&group=who")


def test_what_a_network_gets(write: Write) -> None:
    dataset = open_csv(write(rows(MANY)) + "?window=8&group=who")
    fit = fitted(SeriesPreprocessing(steps=1, channels=1), dataset)
    assert isinstance(fit, SeriesPreprocessing)
    assert fit.input_shape == (8, 2)
    train = read_inputs(dataset.splits["train"], fit)
    np.testing.assert_allclose(fit.mean, train.mean(axis=(0, 1), dtype=np.float64), rtol=1e-5)
    assert labels_for(dataset.splits["test"], fit).shape == (len(dataset.splits["test"]),)


@pytest.mark.parametrize(("delimiter", "name"), [(";", "a.csv"), ("\t", "a.tsv"), (",", "a.txt")])
def test_delimiters(write: Write, delimiter: str, name: str) -> None:
    text = "\ufeff" + rows(MANY).replace(",", delimiter).replace("\n", "\r\n")
    plain = open_csv(write(rows(MANY)) + "?window=8&group=who")
    assert open_csv(write(text, name) + "?window=8&group=who").content_hash == plain.content_hash


def test_quotes_spaces_and_empty_lines(write: Write) -> None:
    text = rows(MANY).replace("rest", '"rest"').replace("walk", " walk ").replace("\n", "\n\n")
    assert open_csv(write(text) + "?window=8&group=who").classes == ("rest", "walk")


def test_other_names_of_columns(write: Write) -> None:
    text = rows(MANY, header="x,y,a&b=?,who")
    assert len(open_csv(write(text) + "?window=8&label=a%26b%3D%3F&group=who").classes) == 2


def test_a_path_with_a_question_mark(write: Write) -> None:
    path = write(rows(MANY), "what?.csv")
    assert open_csv(f"{path}?window=8&group=who").source == "what?.csv"


def test_classes_named_by_numbers_are_in_order(write: Write) -> None:
    text = rows([(str(n), "p", 60) for n in (10, 9, 2)])
    assert open_csv(write(text) + "?window=10&channels=x,y").classes == ("2", "9", "10")


def test_a_clock_is_noted(write: Write) -> None:
    dataset = open_csv(write(rows(MANY)) + "?window=8&group=who")
    assert [note for note in dataset.notes if "'y' only ever rises" in note]
    wrapped = open_csv(write(rows(MANY, start=900)) + "?window=8&group=who")
    assert not [note for note in wrapped.notes if "'x' only" in note]


def test_hash_and_fingerprint(write: Write, tmp_path: Path) -> None:
    path = write(rows(MANY), "all/a.csv")
    query = f"{tmp_path}/all?window=8&group=who"
    first, mark = open_csv(query).content_hash, fingerprint(query)
    assert open_csv(query).content_hash == first
    assert fingerprint(query) == mark
    Path(path).write_text(rows(MANY).replace("\n7,", "\n7.25,"))
    os.utime(path, ns=(5, 5))
    assert open_csv(query).content_hash != first
    changed = fingerprint(query)
    assert changed != mark
    write(rows(MANY), "all/b.csv")
    assert fingerprint(query) not in (mark, changed)


# --- clear errors ------------------------------------------------------------------------------

TEXT = rows(MANY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data.csv is empty"),
        ("\n\n", "data.csv is empty"),
        ("x,y,label,who\n", "holds a header, but no rows"),
        ("1,2,3,4\n" + TEXT, "line 1: there are only numbers"),
        (TEXT.replace("x,y,", "x,x,", 1), "the column 'x' is there twice"),
        (TEXT.replace("x,y,", ",y,", 1), "column 1 has no name"),
        (TEXT.replace("\n7,3.5", "\n7,", 1), "line 9, column 'y': the value is missing"),
        (TEXT.replace("\n7,3.5", "\n,3.5", 1), "line 9, column 'x': the value is missing"),
        (TEXT.replace("\n7,3.5", "\n7,nan", 1), "line 9, column 'y': the value is nan"),
        (TEXT.replace("\n7,3.5", "\n7,-inf", 1), "line 9, column 'y': the value is -inf"),
        (TEXT.replace("\n7,3.5", "\n7,1e39", 1), "line 9, column 'y': 1e\\+39 is beyond"),
        (TEXT.replace("\n7,3.5", "\n7,1_0", 1), "line 9, column 'y': '1_0' is not a number"),
        (TEXT.replace("\n7,3.5", "\n7,٣", 1), "line 9, column 'y': '٣' is not a number"),
        (TEXT.replace("\n7,3.5", "\n7,3,5", 1), "line 9: 5 columns, but the header has 4"),
        (TEXT.replace("\n7,3.5,", "\n7,", 1), "line 9: 3 columns, but the header has 4"),
        (TEXT.replace("\n7,3.5", "\n7,=1+1", 1), "line 9, column 'y': '=1\\+1' is not a number"),
        (TEXT.replace("\n7,3.5,rest", "\n7,3.5,", 1), "line 9, column 'label': the value is mis"),
        (TEXT.replace("\n7,3.5,rest,p0", "\n7,3.5,rest, ", 1), "line 9, column 'who': the value"),
        (TEXT.replace("\n7,3.5,rest", "\n7,3.5,re\x1bst", 1), r"'re\\x1bst' has unprintable"),
        (TEXT.replace("\n7,3.5", "\n7\0,3.5", 1), "line 9: there is a NUL"),
        (TEXT.replace("\n7,3.5", '\n7,"3.5', 1), "data.csv, line 9: .*(field|end of data)"),
        (TEXT.replace("\n7,3.5", '\n7,"3"5', 1), "data.csv, line 9: .*expected after"),
        (TEXT.replace("\n7,3.5", "\n7," + "5" * 200_000, 1), "line 9: field larger"),
        (TEXT.replace("\n7,3.5", "\n7," + "5" * 2_000_000, 1), "line 9: the line is longer"),
        (TEXT.replace("rest", "Gr\xf6\xdfe").encode("latin-1"), "line 2: byte 9 is 0xf6"),
        (TEXT.encode("utf-16"), "data.csv is UTF-16 text"),
        (TEXT.encode("utf-16-le"), "line 1: there is a NUL"),
        (TEXT.replace("\n", "\r"), "data.csv, line 1: "),
        (TEXT.replace("walk", "rest"), "there is only one class: rest"),
        (rows([("a", "p", 20), ("b", "p", 3)]), "class 'b' has no window of 8 rows"),
        (rows([("a", "p", 20), ("b", "p", 60)]), "class 'a' has 2 windows, of which fewer than"),
    ],
)
def test_what_cannot_be_used(write: Write, content: str | bytes, message: str) -> None:
    with pytest.raises(BadData, match=message) as caught:
        open_csv(write(content) + "?window=8&group=who")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("", UsageError, "number of rows that make"),
        ("?window=0", UsageError, "window=0 is not a whole number"),
        ("?window=8&label=lable", UnknownName, "unknown column of data.csv 'lable'"),
        ("?window=8&group=whom", UnknownName, "'whom'"),
        ("?window=8&channels=x,z", UnknownName, "'z'"),
        ("?window=8&channels=x,label", UsageError, "'label' is a channel and also"),
        ("?window=8&channels=x,x", UsageError, "names one twice"),
        ("?window=8&group=label", UsageError, "cannot be label and group"),
        ("?windw=8", UnknownName, "unknown option of csv 'windw'"),
        ("?window=8", BadData, "line 2, column 'who': 'p0' is not a number"),
    ],
)
def test_wrong_options(write: Write, options: str, error: type[ZooError], message: str) -> None:
    path = write(TEXT)
    with pytest.raises(error, match=message) as caught:
        open_csv(path + options)
    assert caught.value.fix


def test_a_label_column_that_is_not_given_is_asked_for(write: Write) -> None:
    with pytest.raises(UnknownName) as caught:
        open_csv(write(TEXT.replace("label", "activity", 1)) + "?window=8")
    assert "label=x|y|activity|who" in (caught.value.fix or "")


def test_the_longest_window_that_fits_is_told(write: Write) -> None:
    with pytest.raises(BadData) as caught:
        open_csv(write(rows([("a", "p", 90), ("b", "p", 31)])) + "?window=40&group=who")
    assert "31 rows" in (caught.value.why or "")
    assert "window=31" in (caught.value.fix or "")


def test_files_with_other_columns(write: Write, tmp_path: Path) -> None:
    write(TEXT, "all/a.csv")
    write(TEXT.replace("who", "person", 1), "all/b.csv")
    with pytest.raises(BadData, match=r"b.csv, line 1: the column 'who' is missing"):
        open_csv(f"{tmp_path}/all?window=8&group=who")


@pytest.mark.parametrize("argument", [None, "", "/no/such.csv?window=3", "?window=3"])
def test_no_file(argument: str | None) -> None:
    for function in (open_csv, fingerprint):
        with pytest.raises(UsageError, match=r"csv needs a path|there is no folder"):
            function(argument)


def test_a_folder_without_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no .csv or .tsv files"):
        open_csv(f"{tmp_path}?window=3")


def test_links_out_of_the_folder_are_refused(write: Write, tmp_path: Path) -> None:
    secret = write(TEXT, "secret.csv")
    write(TEXT, "all/a.csv")
    (tmp_path / "all" / "b.csv").symlink_to(secret)
    for function in (open_csv, fingerprint):
        with pytest.raises(BadData, match="outside the folder"):
            function(f"{tmp_path}/all?window=8&group=who")


def test_a_pipe_is_never_opened(write: Write, tmp_path: Path) -> None:
    write(TEXT, "all/a.csv")
    os.mkfifo(tmp_path / "all" / "b.csv")
    dataset = open_csv(f"{tmp_path}/all?window=8&group=who")
    assert "b.csv (not a plain file)" in "".join(dataset.notes)

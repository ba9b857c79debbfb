"""Real targets and several labels in tables: columns of recordings, and a table beside images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.data import csv_series, folder
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("PIL")
ROWS = "\n".join(
    ["time,x,y,price,rooms,sold,big"]
    + [
        f"{i},{i % 7},{i * i},{i * 1.5 + 0.25},{i % 4},{i % 2},{int(i % 3 == 0)}"
        for i in range(200)
    ]
)


@pytest.fixture
def table(tmp_path: Path) -> str:
    (tmp_path / "rows.csv").write_text(ROWS + "\n", encoding="utf-8")
    return str(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("options", "task", "names", "shape"),
    [
        ("target=price&channels=x,y", "regression", ("price",), (1, 2)),
        ("target=price,rooms&channels=x,y", "regression", ("price", "rooms"), (1, 2)),
        ("target=price&window=5&stride=1&time=time", "regression", ("price",), (5, 5)),
        ("labels=sold,big&channels=x,y", "multi-label", ("sold", "big"), (1, 2)),
    ],
)
def test_columns_of_recordings(table, options, task, names, shape):
    argument = f"{table}?{options}"
    assert csv_series.tasks_of(argument) == (task,)
    dataset = csv_series.open_csv(argument)
    assert dataset.classes == names
    for split in dataset.splits.values():
        assert split.labels.shape == (len(split), len(names))
        assert split.read(0).shape == shape
    if "window" not in options:
        # Rows are no recording: all of them are kept, and the test split is of no one end.
        assert sum(map(len, dataset.splits.values())) == 200
        assert dataset.splits["test"].labels[:, 0].min() < 60
    if "window=5" in options:
        assert "of which there are too few: the last windows are test" in dataset.notes[0]
        # The target of a window is that of its last row; x counts rows up to 7.
        split = dataset.splits["train"]
        last = (split.labels[:, 0] - 0.25) / 1.5
        assert [split.read(i)[-1, 0] for i in range(len(split))] == (last % 7).tolist()


@pytest.mark.parametrize(
    ("header", "wanted", "names"),
    [
        ('"größe, m",x,y', "größe, m", ("größe, m",)),
        ('"a,b",a,"a,b,c"', "a,b,c,a", ("a,b,c", "a")),
        ("a,b,x", "a, b", ("a", "b")),
    ],
)
def test_names_with_commas_are_found(tmp_path, header, wanted, names):
    lines = [header, *(f"{i}.5,{i * i}.25,{i % 7}" for i in range(60))]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    dataset = csv_series.open_csv(f"{tmp_path}/rows.csv?target={wanted}")
    assert dataset.classes == names
    # The last table has seven rows to learn from, each with many targets: copies stay together.
    seen = [
        {split.read(i).tobytes() for i in range(len(split))} for split in dataset.splits.values()
    ]
    assert sum(map(len, seen)) == len(set.union(*seen))


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ("target=prize", UnknownName, "price"),
        ("target=price&labels=sold", UsageError, "cannot both be what is predicted"),
        ("target=price&label=sold", UsageError, "cannot both be what is predicted"),
        ("target=price&channels=x,price", UsageError, "is a channel and also"),
        ("target=price&group=price", UsageError, "cannot be group or time"),
        ("target=price,price", UsageError, "nor stand twice"),
        ("labels=sold,price", BadData, "line 2, column 'price': 0.25 is neither 0 nor 1"),
        ("time=time", UsageError, "target=COLUMN"),
        ("label=price&window=5", BadData, "target=COLUMN"),
        ("target=price&window=500", BadData, "there is no window of 500 rows"),
        ("target=,", UsageError, "target=, names no column"),
        ("labels=,&channels=x", UsageError, "labels=, names no column"),
    ],
)
def test_what_columns_cannot_be_is_refused(table, options, error, told):
    with pytest.raises(error) as caught:
        csv_series.open_csv(f"{table}?{options}")
    assert told in f"{caught.value} {caught.value.fix}"


@pytest.mark.parametrize(
    ("options", "column", "cell", "told", "fix"),
    [
        ("labels=sold", "sold", "yes", "'yes' is neither 0 nor 1", "target=COLUMN"),
        ("labels=sold", "sold", "2", "2 is neither 0 nor 1", "write 0 or 1"),
        ("target=price", "price", "n/a", "'n/a' is not a number", "label=price"),
        ("target=price", "x", "n/a", "'n/a' is not a number", "channels=time,y,rooms,sold,big"),
    ],
)
def test_a_cell_that_cannot_be_is_named_with_what_helps(table, options, column, cell, told, fix):
    header, *rows = ROWS.splitlines()
    row = rows[4].split(",")
    row[header.split(",").index(column)] = cell
    lines = [header, *rows[:4], ",".join(row), *rows[5:]]
    Path(table).write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadData) as caught:
        csv_series.open_csv(f"{table}?{options}")
    assert f"line 6, column {column!r}: {told}" in str(caught.value)
    assert fix in str(caught.value.fix)


@pytest.fixture
def pictures(tmp_path: Path):
    """60 pictures below a folder, and what writes a table of them."""
    from PIL import Image

    random = np.random.default_rng(0)
    (tmp_path / "photos" / "images").mkdir(parents=True)
    for number in range(60):
        pixels = random.integers(0, 256, (6, 6)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / "images" / f"{number}.png")

    def write(header: str, row: str, name: str = "images/{n}.png", count: int = 60) -> str:
        lines = [header]
        for n in range(count):
            values = {"n": n, "half": n / 2, "odd": n % 2, "third": int(n % 3 == 0)}
            lines.append(f"{name.format(n=n)},{row.format(**values)}")
        (tmp_path / "photos" / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(tmp_path / "photos")

    return write


@pytest.mark.parametrize(
    ("header", "row", "options", "task", "names"),
    [
        ("file,age", "{half}", "", "regression", ("age",)),
        ("file,age,height", "{half},{n}.5", "", "regression", ("age", "height")),
        ("file,age", "{odd}", "?task=regression", "regression", ("age",)),
        ("file,cat,dog", "{odd},{third}", "", "multi-label", ("cat", "dog")),
        ("file,cat", "{odd}", "?task=multi-label", "multi-label", ("cat",)),
    ],
)
def test_a_table_beside_images(pictures, header, row, options, task, names):
    argument = pictures(header, row) + options
    assert folder.tasks_of(argument) == (task,)
    dataset = folder.open_folder(argument)
    assert dataset.classes == names
    assert sum(map(len, dataset.splits.values())) == 60
    split = dataset.splits["test"]
    number = int(Path(split.names[0]).stem)
    first = {"age": number / 2, "cat": number % 2}[names[0]]
    assert split.labels[0, 0] == (number % 2 if options else first)
    assert len(split.read(0)) == 6
    before = folder.fingerprint(argument)
    pictures(header, row.replace("{half}", "{n}").replace("{odd}", "{third}"))
    assert folder.fingerprint(argument) != before


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("file,age", "{odd}", "may be a target, a label or a class"),
        ("file,age,cat", "{half},{odd}", "may be a target, a label or a class"),
        ("file,age", "old", "'old' is not a finite number"),
        ("images/60.png,7.5", "{half}", "'images/60.png' is a file, but the first line must name"),
        ("images/60.png,1,0", "{odd},1", "is a file, but the first line must name the columns"),
        ("file,age", '"1,5"', "decimal commas are not read"),
        ("file,age", "1e99", "is not a finite number"),
        ("file,age", "", "the value is missing"),
        ("file,age,age", "{half},{n}.5", "'age' is no usable target name"),
        ("file", "{half}", "1 columns"),
    ],
)
def test_a_table_that_says_nothing_clear_is_refused(pictures, header, row, told):
    with pytest.raises(BadData) as caught:
        folder.open_folder(pictures(header, row))
    assert told in f"{caught.value} {caught.value.why}"
    if "may be" in told:
        assert "?task=regression" in str(caught.value.fix)


def test_files_of_a_table_that_are_not_there_are_refused(pictures, tmp_path):
    with pytest.raises(BadData, match=r"names '0\.png', which is no image.*; nor are 59 others"):
        folder.open_folder(pictures("file,age", "{half}", "{n}.png"))
    with pytest.raises(BadData, match=r"'\.\./secret\.png', which is no image"):
        folder.open_folder(pictures("file,age", "{half}", "../secret.png", 1))
    with pytest.raises(BadData, match="is listed twice"):
        folder.open_folder(pictures("file,age", "{half}", "images/1.png", 2))
    few = folder.open_folder(pictures("file,age", "{half}", count=50))
    assert any("10 not in labels.csv, left out" in note for note in few.notes)
    with pytest.raises(UsageError, match="group= is of class folders"):
        folder.open_folder(pictures("file,age", "{half}") + "?group=folder")
    outside = tmp_path / "outside.csv"
    (tmp_path / "photos" / "labels.csv").rename(outside)
    (tmp_path / "photos" / "labels.csv").symlink_to(outside)
    with pytest.raises(BadData, match="is a link out of"):
        folder.open_folder(str(tmp_path / "photos"))


def test_class_folders_stay_what_they_are_beside_a_table(pictures, tmp_path):
    argument = pictures("file,age", "{half}")
    root = Path(argument)
    for name in ("cat", "dog"):
        (root / name).mkdir()
    for number in range(60):
        name = f"{number}.png"
        (root / "images" / name).rename(root / ("cat", "dog")[number % 2] / name)
    (root / "images").rmdir()
    assert folder.tasks_of(argument) == folder.CLASSES
    assert folder.open_folder(argument).classes == ("cat", "dog")
    registry = load_registry(PluginSettings(installed=False))
    assert {"regression", "multi-label"} <= {*registry.datasets.get("folder").tasks}


@pytest.mark.parametrize(
    ("name", "options"),
    [("Labels.csv", ""), ("ages.tsv", ""), ("labels.csv", "?task=image-classification")],
)
def test_a_table_of_another_name_or_task_is_told_what_it_is_to_be(pictures, name, options):
    root = Path(pictures("file,age", "{half}"))
    (root / "labels.csv").rename(root / name)
    with pytest.raises(BadData) as caught:
        folder.open_folder(f"{root}{options}")
    assert "tables of classes are not read" in str(caught.value.why)
    assert "call the table labels.csv" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (("train", "test"), "15 % of train/ serve as validation"),
        (("training", "val", "Test"), None),
        (("train", "val"), "15 % of train/ serve as validation"),
        (("train", "val", "valid"), "called like splits, but not train/ and test/"),
    ],
)
def test_folders_for_training_and_test_are_honoured_beside_a_table(pictures, folders, told):
    root = Path(pictures("file,age", "{half}"))
    lines = ["file,age"]
    for number in range(60):
        place = f"{folders[number % 3 % len(folders)]}/{number}.png"
        (root / place).parent.mkdir(exist_ok=True)
        (root / "images" / f"{number}.png").rename(root / place)
        lines.append(f"{place},{number / 2}")
    (root / "images").rmdir()
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    dataset = folder.open_folder(str(root))
    notes = [note for note in dataset.notes if "split" in note or "validation" in note]
    assert len(notes) == (told is not None)
    alone = folders == ("train", "val")
    assert ("val/ serves as test, since there is no test/" in dataset.notes) == alone
    assert told is None or told in notes[0]
    assert sum(map(len, dataset.splits.values())) == 60
    if folders[-1] != "valid":
        held = {n: {Path(p).parent.name for p in s.names} for n, s in dataset.splits.items()}
        assert held["test"] == {folders[-1]}
        assert held["validation"] == {folders[-2]}
        assert len(dataset.splits["test"]) == 20


def test_copies_with_other_targets_and_too_few_pictures_are_told(pictures):
    from shutil import copy

    root = Path(pictures("file,age", "{half}"))
    copy(root / "images" / "0.png", root / "images" / "copy.png")
    with (root / "labels.csv").open("a", encoding="utf-8") as table:
        table.write("images/copy.png,7\n")
    (told,) = [n for n in folder.open_folder(str(root)).notes if "with other values" in n]
    assert "images/0.png = images/copy.png" in told
    with pytest.raises(BadData, match="there are 2 distinct examples"):
        folder.open_folder(pictures("file,age", "{half}", count=2))

"""Recordings that are short, have gaps or other spellings, or numbers in place of classes."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.csv_series import open_csv
from zoo.data.readers.clocks import clock_breaks


def told(dataset: Dataset) -> str:
    return "\n".join(dataset.notes)


def gaps(path: Path, *, dates: bool = False, names: tuple[str, str] = ("rest", "walk")) -> Path:
    """Nine persons, two labels each; an hour is missing in the middle of each."""
    lines = ["time,x,label,person"]
    for person in range(9):
        for k, label in enumerate(names):
            for i in range(200):
                clock = i * 0.02 + (3600 if i >= 120 else 0)
                when = datetime(2026, 1, 1) + timedelta(seconds=clock) if dates else f"{clock:.2f}"
                x = math.sin(i * (0.02, 0.4)[k] + person) + 0.001 * i
                name = label.title() if person < 3 and names[0] == "case" else label
                lines.append(f"{when},{x:.4f},{name},p{person}")
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("dates", [False, True])
def test_a_jump_of_the_clock_ends_a_window(tmp_path, dates):
    path = gaps(tmp_path / "gap.csv", dates=dates)
    dataset = open_csv(f"{path}?window=50&stride=25&group=person&time=time")
    split = dataset.splits["train"]
    assert split.read(0).shape == (50, 1)
    # Rows 0 to 119 hold three windows of 50, and rows 120 to 199 two: 5 for each stretch.
    assert sum(map(len, dataset.splits.values())) == 9 * 2 * 5
    assert "only ever rises" not in told(dataset)
    assert "the clock 'time' jumps 18 times within a label and group" in told(dataset)
    assert "(first at gap.csv, row 121): windows end there" in told(dataset)
    # The same, but nobody said which column is the clock: it is found beside the channels.
    unsaid = told(open_csv(f"{path}?window=50&stride=25&group=person&channels=x"))
    assert "the column 'time', which no option names, jumps 18 times" in unsaid
    assert "windows reach over that; time=time ends them there" in unsaid


def test_a_clock_among_the_channels_is_told(tmp_path):
    path = gaps(tmp_path / "gap.csv")
    notes = told(open_csv(f"{path}?window=50&group=person"))
    assert "the channel 'time' only ever rises" in notes
    assert "time=time, which also ends windows at its jumps" in notes
    assert "the channel 'time' jumps 18 times" in notes
    whole = path.read_text().replace(",36", ",0")  # the clock goes on; x has small jumps
    even = [f"{i},{line.split(',', 1)[1]}" for i, line in enumerate(whole.splitlines()[1:])]
    path.write_text("\n".join(["time,x,label,person", *even]))
    for options in ("", "&channels=x", "&time=time"):
        assert "jumps" not in told(open_csv(f"{path}?window=50&group=person{options}")).replace(
            "at its jumps", ""
        )


def test_wrong_clocks(tmp_path):
    path = gaps(tmp_path / "gap.csv")
    with pytest.raises(UsageError, match="cannot be time and label or group"):
        open_csv(f"{path}?window=50&time=person&group=person")
    with pytest.raises(BadData, match="is not a number"):
        open_csv(f"{path}?window=50&time=person")


def test_breaks_of_clocks():
    assert clock_breaks(np.array([0, 1, 2, 3.5, 9, 10, 4, 5.0])).tolist() == [4, 6]
    assert clock_breaks(np.array([0, 0, 1, 1, 2, 2.0])).tolist() == []
    assert clock_breaks(np.array([5.0])).tolist() == []


def test_recordings_that_are_too_short_are_told(tmp_path):
    for k in range(18):
        noise = np.random.default_rng(k).normal(0, 1, 200)
        rows = [f"{value:.4f},{'abc'[k % 3]}" for value in noise]
        kept = rows[: 30 if k in (6, 13) else 200]
        (tmp_path / f"r{k:02}.csv").write_text("\n".join(["amp,label", *kept]))
    notes = told(open_csv(f"{tmp_path}?window=60"))
    assert "2 recordings without 60 rows of one label, group and time, left out" in notes
    assert "r06.csv (30 rows); r13.csv (30 rows)" in notes
    assert "recordings without" not in told(open_csv(f"{tmp_path}?window=30"))


def test_classes_whose_names_look_alike_are_told(tmp_path):
    path = gaps(tmp_path / "case.csv", names=("case", "walk"))
    notes = told(open_csv(f"{path}?window=50&group=person&channels=x"))
    assert "different classes whose names look alike: 'Case', 'case'" in notes
    # Normal forms of a name are no other name.
    text = path.read_text().replace(",Case,", ",caf\u00e9,").replace(",case,", ",cafe\u0301,")
    path.write_text(text, encoding="utf-8")
    dataset = open_csv(f"{path}?window=50&group=person&channels=x")
    assert dataset.classes == ("Walk", "caf\u00e9", "walk")


def test_a_column_of_numbers_is_no_class(tmp_path):
    path = gaps(tmp_path / "gap.csv")
    with pytest.raises(BadData, match=r"the column 'x' has [\d,]+ different values") as caught:
        open_csv(f"{path}?window=50&label=x&group=person&channels=time")
    assert "to be predicted" in str(caught.value.why)
    assert "window=1" not in str(caught.value.fix)


def test_a_column_that_float32_cannot_hold_is_told(tmp_path):
    rows = [
        f"{1.7e9 + math.sin(i / 3):.4f},{math.cos(i / 5):.4f},{'ab'[i // 50]}" for i in range(100)
    ]
    (tmp_path / "a.csv").write_text("\n".join(("a,b,label", *rows)))
    (told,) = [n for n in open_csv(f"{tmp_path / 'a.csv'}?window=5").notes if "float32" in n]
    assert told.startswith("the channel 'a' of a.csv is 1.7e+09 ± 0.7")
    assert "steps of 128" in told

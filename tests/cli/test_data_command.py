"""`zoo data` tells what a dataset holds before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.registry import PluginSettings, load_registry


def test_the_kinds_of_datasets(zoo) -> None:
    typed = zoo("data")
    assert typed.code == 0
    for provider in load_registry(PluginSettings(installed=False)).datasets:
        assert provider.summary in typed.out
    kinds = {row["name"]: row for row in zoo("data", "--json").json}
    assert kinds["csv:PATH?window=STEPS"]["tasks"] == [
        "sequence-classification",
        "regression",
        "multi-label",
        "anomaly-detection",
    ]
    assert "digits" in kinds


def test_series(zoo) -> None:
    rows = [f"{i % 7},{person}-{i}" for person in range(6) for i in range(20)]
    lines = [
        f"{row.split(',')[0]}.{n},{'walk' if n % 20 < 10 else 'run'},p{n // 20}"
        for n, row in enumerate(rows)
    ]
    Path("walk.csv").write_text("\n".join(["x,label,who", *lines]))
    typed = zoo("data", "csv:walk.csv?window=5&group=who")
    assert typed.code == 0
    assert "example  float32 5×1" in typed.out
    assert "classes  2: run, walk" in typed.out
    assert "- split by who: 4 train, 1 validation, 1 test" in typed.out
    told = zoo("data", "csv:walk.csv?window=5&group=who", "--json").json
    assert told["examples"] == {"train": 16, "validation": 4, "test": 4}
    assert told["labels"]["test"] == {"run": 2, "walk": 2}


def test_targets_of_0_and_1_are_targets(zoo) -> None:
    lines = ["x,sold", *(f"{n * n}.5,{int(n % 3 == 0)}" for n in range(60))]
    Path("rows.csv").write_text("\n".join(lines))
    asked = {kind: zoo("data", f"csv:rows.csv?{kind}=sold").out for kind in ("target", "labels")}
    assert "targets  1: sold" in asked["target"]
    assert "of each target: least / mean / largest" in asked["target"]
    assert "classes  1: sold" in asked["labels"]


def test_texts_and_tags(zoo) -> None:
    Path("a.csv").write_text("".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20)))
    assert "example  text" in zoo("data", "text:a.csv").out
    Path("a.txt").write_text("".join(f"Visit\tO\nCity{i}\tB\n\n" for i in range(20)))
    told = zoo("data", "conll:a.txt", "--json").json
    assert told["example"] == "2 tokens (the first)"
    assert sum(own["B"] for own in told["labels"].values()) == 20


@pytest.mark.parametrize(
    ("dataset", "wrong"),
    [
        ("digitz", "did you mean 'digits'"),
        ("csv", "csv:PATH?window=STEPS"),
        ("csv:nowhere.csv?window=3", "there is no folder nowhere.csv"),
        ("csv:nowhere.csv?windw=3", "did you mean 'window'?"),
        ("aeon:", "needs a NAME"),
        ("fashion_mnist_one_class", "KIND is one of t-shirt-top, trouser,"),
    ],
)
def test_wrong_names(zoo, dataset: str, wrong: str) -> None:
    typed = zoo("data", dataset)
    assert typed.code == 2
    assert wrong in typed.err
    assert "Traceback" not in typed.err


def test_notes_are_told_when_training_starts(capsys: pytest.CaptureFixture[str]) -> None:
    """A file's name may look like a style of the terminal; it is shown as it is."""
    from zoo.report.progress import StepProgress

    with StepProgress(quiet=False) as progress:
        progress("finetune", {"event": "note", "text": "1 left out: [red]a.png: broken"})
    assert "finetune: 1 left out: [red]a.png: broken" in capsys.readouterr().err

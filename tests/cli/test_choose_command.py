"""``zoo choose`` refuses what it cannot read, before anything heavy begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commands import Zoo

for module in ("sklearn", "jinja2"):
    pytest.importorskip(module)

DATA = ("--data", "digits")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--data DATASET"),
        (("--data", "digitz"), "did you mean 'digits'"),
        ((*DATA, "lenet6"), "did you mean 'lenet5'"),
        ((*DATA, "lenet5", "lstm_small"), "does not fit"),
        ((*DATA, "--max-latency", "soon"), "--max-latency"),
        ((*DATA, "--max-size", "5ms"), "--max-size"),
        ((*DATA, "--max-arena", "much"), "--max-arena"),
        ((*DATA, "--max-arena", "64kB", "--format", "onnx"), "tensor arena of onnx files"),
        ((*DATA, "--budget", "5kB"), "--budget"),
        ((*DATA, "--seeds", "0"), "--seeds 0 trains nothing"),
        ((*DATA, "--finalists", "0"), "--finalists 0 trains nothing"),
        ((*DATA, "--epochs", "0"), "0 epochs"),
        ((*DATA, "--device", "hots"), "did you mean 'host'"),
        ((*DATA, "--format", "tflit"), "did you mean 'tflite'"),
        ((*DATA, "--precision", "int9"), "did you mean 'int8'"),
        ((*DATA, "--share", "0"), "--share"),
        ((*DATA, "--share", "1.5"), "--share"),
        ((*DATA, "--task", "image-clasification"), "did you mean 'image-classification'"),
        ((*DATA, "--task", "object-detection"), "the dataset serves image-classification"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_refused(zoo: Zoo, options: tuple[str, ...], words: str) -> None:
    typed = zoo("choose", *options)
    assert typed.code == 2, typed.err
    assert words in typed.err
    assert "Traceback" not in typed.err


def test_other_words_lead_to_it(zoo: Zoo) -> None:
    assert "did you mean: zoo choose" in zoo("automl", *DATA).err

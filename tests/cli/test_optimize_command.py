"""``zoo optimize`` refuses what it cannot read, before anything heavy begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commands import Zoo

MODEL = "lenet5.fashion_mnist"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--max-size", "300"), "the unit is missing"),
        (("--max-size", "300kb"), "did you mean 300kB"),
        (("--max-download", "5ms"), "--max-download"),
        (("--max-latency", "5kB"), "--max-latency"),
        (("--budget-time", "soon"), "--budget-time"),
        (("--max-drop", "-1"), "--max-drop"),
        (("--width", "0.5,2"), "--width '2'"),
        (("--prune", "half"), "--prune 'half'"),
        (("--epochs", "0"), "trains nothing"),
        (("--format", "tflit"), "did you mean 'tflite'"),
        (("--precision", "int4"), "unknown precision 'int4'"),
        (("--data", "digitz"), "did you mean 'digits'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_refused(zoo: Zoo, options: tuple[str, ...], words: str) -> None:
    typed = zoo("optimize", MODEL, *options)
    assert typed.code == 2, typed.err
    assert words in typed.err
    assert "Traceback" not in typed.err


def test_a_network_without_weights_is_refused(zoo: Zoo) -> None:
    typed = zoo("optimize", "resnet32")
    assert typed.code == 2
    assert "no packaged weights" in typed.err


def test_an_unknown_device_is_refused(zoo: Zoo) -> None:
    typed = zoo("optimize", MODEL, "--device", "hots", "--data", "digits")
    assert typed.code == 2
    assert "host" in typed.err

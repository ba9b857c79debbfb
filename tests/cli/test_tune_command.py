"""``zoo tune`` refuses what it cannot read, before anything heavy begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commands import Zoo

for module in ("optuna", "sklearn", "jinja2"):
    pytest.importorskip(module)

NETWORK = ("--data", "digits", "--from-scratch")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((*NETWORK, "--trials", "0"), "tries nothing"),
        ((*NETWORK, "--budget", "soon"), "--budget"),
        ((*NETWORK, "--budget", "5kB"), "--budget"),
        ((*NETWORK, "--epochs", "0"), "0 epochs"),
        ((*NETWORK, "--space", "learning_rat=1e-4..1e-1"), "did you mean 'learning_rate'"),
        ((*NETWORK, "--space", "kernel=3,5"), "unknown parameter to vary 'kernel'"),
        ((*NETWORK, "--space", "learning_rate=1..0"), "first end must be below"),
        ((*NETWORK, "--space", "learning_rate"), "not NAME=RANGE"),
        ((*NETWORK, "--only"), "there is nothing to vary"),
        ((*NETWORK, "--then", "speed"), "unknown figure"),
        ((*NETWORK, "--then", "latency@hots"), "did you mean 'host'"),
        ((*NETWORK, "--then", "size", "--format", "tflit"), "did you mean 'tflite'"),
        (("--data", "digits", "--then", "size"), "all trials have the same network"),
        (("--data", "digits", "--space", "activation=relu,tanh"), "--from-scratch"),
        (("--data", "digitz"), "did you mean 'digits'"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_refused(zoo: Zoo, options: tuple[str, ...], words: str) -> None:
    typed = zoo("tune", "lenet5", *options)
    assert typed.code == 2, typed.err
    assert words in typed.err
    assert "Traceback" not in typed.err


def test_other_words_lead_to_it(zoo: Zoo) -> None:
    assert "did you mean: zoo tune" in zoo("hpo", "lenet5").err

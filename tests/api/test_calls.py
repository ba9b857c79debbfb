"""Calls of the public functions: what is wrong with an argument, said in the zoo's own words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api.calls import public
from zoo.cli.main import COMMANDS
from zoo.cli.main import zoo as commands


@pytest.mark.parametrize(
    ("call", "what", "fix"),
    [
        (lambda: zoo.load(), "zoo.load needs model", "zoo.load(model, …)"),
        (lambda: zoo.load(5), "zoo.load: model must be text (got 5)", "help(zoo.load)"),
        (lambda: zoo.load("a", quantise=1), "takes no argument 'quantise'", "help(zoo.load)"),
        (lambda: zoo.load("a", "b"), "got 2 arguments without a keyword", "load(model, registry="),
        (lambda: zoo.load("a", model="b"), "zoo.load got 'model' twice", "give it once"),
        (lambda: zoo.ship("a", "b", epoch=1), "zoo.ship takes no argument 'epoch'", "'epochs'"),
        (lambda: zoo.ship("a", "b", formats=["x"]), "no argument 'formats'", "mean 'format'?"),
        (lambda: zoo.ship("a", "b", hyperparameters={}), "'hyperparameters'", "mean 'set'?"),
        (lambda: zoo.ship("a", "b", lr=0.1), "no argument 'lr'", "mean 'learning_rate'?"),
        (lambda: zoo.ship("a", "b", no_report=True), "'no_report'", "mean report=False?"),
        (lambda: zoo.finetune("a", "b", nonsense=1), "no argument 'nonsense'", "help(zoo.fine"),
        (lambda: zoo.export("a", epochs=1), "zoo.export trains nothing", "zoo.finetune or"),
        (lambda: zoo.bench("a.tflite"), "files must be a list of texts or Paths", "help("),
        (lambda: zoo.bench(["a"], threads=[True]), "threads must be a list of whole n", "help("),
        (lambda: zoo.ship("a", on_step=3), "on_step must be a function (got 3)", "help("),
        (lambda: zoo.ship("a", registry="mine"), "registry must be a Registry", "help("),
        (lambda: zoo.ship("a", "b", epochs="3"), "must be a whole number (got '3')", "--help"),
        (lambda: zoo.ship("a", "b", freeze="bakbone"), "did you mean 'backbone'?", "--help"),
        (lambda: zoo.evaluate("a" * 9000, split=np.ones(9000)), "split must be text", "help("),
    ],
)
def test_wrong_argument(call: Any, what: str, fix: str) -> None:
    with pytest.raises(zoo.ZooError) as caught:
        call()
    said = str(caught.value)
    assert what in said
    assert fix in caught.value.fix
    assert caught.value.exit_code == 2
    assert len(said) < 500
    assert not {"pydantic", "validation", "input should"} & set(said.lower().split())


def test_wrong_call_is_a_type_error_too() -> None:
    with pytest.raises(TypeError):
        zoo.load("lenet5", weights=None)


def test_values_of_numpy_and_paths_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def ship(
        model: str,
        *,
        output: str | Path = "runs",
        epochs: int = 1,
        width: list[float] | None = None,
        **options: Any,
    ) -> list[Any]:
        return [model, output, epochs, width, options]

    call = public(ship)
    place = Path("a") / "b.keras"
    found = call(place, output=place, epochs=np.int64(3), width=[1, 0.5], seed=np.int32(4))
    assert found == [os.fspath(place), place, 3, [1, 0.5], {"seed": 4}]
    assert [type(value) for value in (found[2], found[4]["seed"])] == [int, int]


def flags_of(name: str) -> set[str]:
    command = commands.get_command(None, name)  # type: ignore[arg-type]
    flags = [flag for p in command.params for flag in p.opts if flag.startswith("--")]
    return {flag.removeprefix("--").removeprefix("no-").replace("-", "_") for flag in flags}


#: What commands do around a function: print, write a page, judge.
AROUND = {
    "json",
    "html",
    "junit",
    "budget",
    "fail_on",
    "details",
    "allow_weak",
    "help",
    "verbose",
    "quiet",
}


@pytest.mark.parametrize("name", ["ship", "finetune", "export", "optimize", "evaluate"])
def test_keywords_are_the_names_of_the_options(name: str) -> None:
    import inspect

    assert name in COMMANDS
    taken = set(inspect.signature(getattr(zoo, name)).parameters)
    assert flags_of(name) - AROUND <= taken, flags_of(name) - AROUND - taken


QUIET = """
import os, sys
import zoo.common.optional_imports as imports

def load(module):
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\\n")
    os.write(2, b"I0000 00:00:1795920747.880133 18413 port.cc:153] oneDNN\\n")
    os.write(2, b"a driver is missing\\n")
    if "broken" in sys.argv:
        raise ModuleNotFoundError(name="keras")

imports.importlib.import_module = load
try:
    imports.require("keras")
except imports.MissingExtra as error:
    print(error.extra)
"""


@pytest.mark.parametrize(
    ("mode", "level", "err"),
    [
        ("", None, ["a driver is missing"]),
        ("broken", None, ["a driver is missing"]),
        ("", "0", ["WARNING: All", "I0000 00:", "a driver "]),
    ],
)
def test_libraries_start_silently_unless_the_user_chose(
    mode: str, level: str | None, err: list[str]
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", QUIET, mode],
        env={**environment, **({"TF_CPP_MIN_LOG_LEVEL": level} if level else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ("train\n" if mode else "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(err)
    assert all(line.startswith(start) for line, start in zip(lines, err, strict=True))

"""Trainings divided among accelerators: two parts of the processor against the whole one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes import NAMES, problems, recipe_of

from zoo.common.errors import Unsupported, UsageError
from zoo.common.worker import call
from zoo.contracts.options import deciding_values
from zoo.contracts.training import Training

TWO = ("cpu:0", "cpu:1")
COMMON = {"epochs": 2, "from_scratch": True, "batch_size": 16}
#: Of 33 examples the last batch is one alone: fewer than there are accelerators.
PICTURES = {
    "kind": "pictures",
    "options": {
        **COMMON,
        "input_size": (12, 12),
        "augment": ("shift", "rotate", "erase"),
        "class_weights": "balanced",
    },
}
#: The loss divides by the pixels that have a class, and the Dice loss is no mean of parts.
MASKS = {
    "kind": "masks",
    "options": {
        **COMMON,
        "input_size": (8, 8),
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "task": {"dice": 1.0},
    },
}
TAGS = {"kind": "tags", "options": {"epochs": 2, "batch_size": 16, "freeze": "gradual"}}
NOISY = {"kind": "noisy", "options": {**COMMON, "input_size": (12, 12)}}
CASES = [PICTURES, MASKS, TAGS]


def trained(cases: Any, accelerators: tuple[str, ...]) -> list[dict[str, Any]]:
    arguments = {"cases": cases, "accelerators": accelerators}
    found: list[dict[str, Any]] = call("divided_training:trained", arguments)
    return found


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, Any]]:
    """Each training on the whole processor, and divided; the last two were interrupted."""
    on_one, on_two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    *whole, stopped = trained(
        [*CASES, {**PICTURES, "checkpoint": on_one, "stop_after": 1}], ("cpu:0",)
    )
    assert len(stopped["losses"]) == 1
    interrupted = {**PICTURES, "checkpoint": on_two, "stop_after": 1}
    resumed = [{**PICTURES, "checkpoint": folder} for folder in (on_two, on_one)]
    *divided, stopped, again, moved = trained([*CASES, interrupted, *resumed], TWO)
    assert len(stopped["losses"]) == 1
    return [*zip(whole, divided, strict=True), (whole[0], again), (whole[0], moved)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "examples"),
    [
        pytest.param(0, (32, 34), id="normalization, dropout, augmentation, weights"),
        pytest.param(1, (32, 34), id="a loss over all pixels"),
        pytest.param(2, (32, 34), id="an LSTM, thawed"),
        pytest.param(3, (16, 17), id="killed and resumed"),
        pytest.param(4, (16, 17), id="killed on one, resumed on two"),
    ],
)
def test_a_divided_training_is_that_of_one_accelerator(
    pairs: list[tuple[Any, Any]], case: int, examples: tuple[int, int]
) -> None:
    whole, divided = pairs[case]
    assert divided["devices"] == ["CPU:0", "CPU:1"]
    assert whole["devices"] == ["CPU:0"]
    for figures in ("losses", "validation", "metrics"):
        assert len(whole[figures]) == 2
        np.testing.assert_allclose(divided[figures], whole[figures], rtol=2e-5, err_msg=figures)
    for name, value in whole["weights"].items():
        np.testing.assert_allclose(divided["weights"][name], value, atol=2e-4, err_msg=name)
    told = f"each was trained on: cpu:0 {examples[0]}, cpu:1 {examples[1]};"
    assert any(told in note for note in divided["notes"]), divided["notes"]


@pytest.mark.slow
def test_what_would_be_another_training_is_refused() -> None:
    with pytest.raises(Unsupported, match="cannot be divided among accelerators") as caught:
        trained([NOISY], TWO)
    assert "draws random numbers of its own" in str(caught.value)
    assert "--accelerators cpu:0" in str(caught.value)


@pytest.mark.slow
def test_a_task_with_steps_of_its_own_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zoo", "finetune", "dcgan28", "--data", "digits"]
    ended = subprocess.run(
        [*command, "--accelerators", ",".join(TWO), "--epochs", "1", "--from-scratch"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "is not divided among accelerators" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_results_do_not_depend_on_accelerators() -> None:
    one, two = Training(), Training(accelerators=TWO)
    assert one != two
    assert deciding_values(one) == deciding_values(two)
    assert set(one.model_dump()) - set(deciding_values(one)) == {"accelerators"}


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ('["gpu0"]', "'gpu0' names no accelerator: a name is gpu:NUMBER or cpu:NUMBER"),
        ('["tpu:0"]', "such as gpu:0"),
        ('["cpu:-1"]', "such as cpu:0"),
        ('["cpu:01"]', "names no accelerator"),
        ('["gpu:0", "GPU:0"]', "'gpu:0' is named twice"),
        ('["gpu:0", "cpu:0"]', "gpu:0 and cpu:0 are of different kinds"),
        ('["gpu:0", 1]', "must be text"),
        ("3", "must be a list"),
        ('["cpu:0", "cpu:1"]\nbatch_size = 1', "batch_size = 1 is too few examples for 2"),
        ('["cpu:0", "cpu:1"]\njit = "on"', "jit = 'on' compiles a step for one accelerator"),
    ],
)
def test_wrong_names_are_told_with_right_ones(tmp_path: Path, training: str, told: str) -> None:
    (found,) = problems(tmp_path, f"{NAMES}[training]\naccelerators = {training}\n")
    assert told in found
    assert found.startswith("training: " if "=" in told else "training.accelerators")


def test_names_are_read_in_any_case_and_one_needs_no_list(tmp_path: Path) -> None:
    text = f'{NAMES}[training]\naccelerators = "GPU:1"\n'
    assert recipe_of(tmp_path, text).training.accelerators == ("gpu:1",)


@pytest.mark.slow
def test_an_accelerator_that_is_not_there_is_told_with_those_that_are() -> None:
    name = "zoo.training.accelerators:check_present"
    call(name, {"names": ("cpu:0", "cpu:7")})
    with pytest.raises(UsageError, match="unknown accelerator 'cpu:8'") as caught:
        call(name, {"names": ("cpu:8",)})
    assert "the nearest is cpu:7; there are: cpu:0 to cpu:7" in str(caught.value)

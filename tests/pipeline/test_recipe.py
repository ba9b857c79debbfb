"""Recipes: the file first, arguments over it; each wrong key is named with what it may be."""

from __future__ import annotations

import tomllib
from typing import get_args

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz, no_privileges
from pydantic import ValidationError
from recipes import NAMES, problems, recipe_of

from zoo.common.errors import UsageError
from zoo.contracts.training import Training
from zoo.contracts.training_fields import Augmentation
from zoo.pipeline.options import recipe_from
from zoo.pipeline.recipe import Recipe, read_recipe


def test_defaults():
    recipe = recipe_from(model="lenet5", data="digits")
    assert recipe.formats == ()  # all that there are
    assert recipe.devices == ()  # this machine
    assert recipe.precisions == ("float32", "int8")
    assert recipe.training == Training()
    assert recipe.training.dropout is None
    assert recipe.gate.max_drop is None


def test_every_key_is_read(tmp_path):
    text = """
model = "resnet8"
data = "folder:photos"
formats = ["onnx"]
precisions = ["int8"]
devices = []
seed = 7
[hyperparameters]
blocks = 3
width = 1.0
shortcut = true
activation = "relu"
[training]
epochs = 3
batch_size = 16
learning_rate = 1
augment = ["flip", "shift"]
from_scratch = true
[calibration]
samples = 10
[gate]
max_drop = 0.5
parity_inputs = 100
[bench]
tier = "full"
threads = 2
"""
    recipe = recipe_of(tmp_path, text)
    assert recipe.hyperparameters == {
        "blocks": 3,
        "width": 1.0,
        "shortcut": True,
        "activation": "relu",
    }
    assert [type(v) for v in recipe.hyperparameters.values()] == [int, float, bool, str]
    assert (recipe.seed, recipe.devices, recipe.training.epochs) == (7, (), 3)
    assert recipe.training.learning_rate == 1.0
    assert recipe.training.augment == ("flip", "shift")
    assert (recipe.calibration.samples, recipe.gate.parity_inputs) == (10, 100)
    assert (recipe.bench.tier, recipe.bench.threads, recipe.gate.max_drop) == ("full", 2, 0.5)


def test_recipe_cannot_be_changed():
    recipe = recipe_from(model="lenet5", data="digits")
    with pytest.raises(ValidationError):
        recipe.seed = 1
    with pytest.raises(ValidationError):
        recipe.training.epochs = 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("modle = 'x'", "modle: there is no such key; did you mean 'model'?"),
        (
            "quux = 1",
            "quux: there is no such key; allowed keys: model, data, formats, precisions, devices, "
            "allow_leak, seed, track, hyperparameters, source, training, export, calibration, "
            "limits, qat, gate, bench",
        ),
        ("[trainin]", "trainin: there is no such key; did you mean 'training'?"),
        ("[training]\nepoch = 1", "training.epoch: there is no such key; did you mean 'epochs'?"),
        (
            "[bench]\nquux = 1",
            "bench.quux: there is no such key; allowed keys: tier, threads",
        ),
        ("[training.epochs]\nx = 1", "training.epochs: must be a whole number"),
        ("training = 5", "training: must be a table (got 5)"),
        ("[[training]]\nepochs = 1", "training: must be a table"),
        ("gate = []", "gate: must be a table (got [])"),
        ("hyperparameters = 3", "hyperparameters: must be a table (got 3)"),
        ("formats = 'tflite'", "formats: must be a list (got 'tflite')"),
        ("precisions = []", "precisions: must name at least one (got [])"),
        ("formats = [1]", "formats.0: must be text (got 1)"),
        ("seed = true", "seed: must be a whole number (got True)"),
        ("seed = '7'", "seed: must be a whole number (got '7')"),
        ("seed = 1.5", "seed: must be a whole number (got 1.5)"),
        ("seed = -1", "seed: must be 0 or more (got -1)"),
        ("seed = 2147483648", "seed: must be less than 2147483648"),
        ("[training]\nepochs = -1", "training.epochs: must be 0 or more"),
        ("[training]\nbatch_size = 0", "training.batch_size: must be "),
        ("[training]\nlearning_rate = 0", "training.learning_rate: must be more than 0"),
        ("[training]\nlearning_rate = 11", "training.learning_rate: must be "),
        ("[training]\nlearning_rate = nan", "training.learning_rate: must be a finite"),
        ("[training]\nlearning_rate = true", "training.learning_rate: must be a number"),
        ("[training]\ndropout = 1", "training.dropout: must be less than 1 (got 1)"),
        ("[training]\nlabel_smoothing = -0.1", "training.label_smoothing: must be"),
        ("[training]\nweight_decay = inf", "training.weight_decay: must be a finite"),
        ("[training]\npatience = -1", "training.patience: must be "),
        ("[training]\nfrom_scratch = 'yes'", "training.from_scratch: must be true or false"),
        (
            "[training]\nfreeze = 'head'",
            "training.freeze: must be 'none', 'backbone' or 'gradual' (got 'head')",
        ),
        (
            "[training]\naugment = ['flip', 'mirror']",
            "training.augment.1: must be 'rotate', 'shift', 'crop', 'zoom', 'scale', 'flip', "
            "'colour', 'color' or 'erase' (got 'mirror')",
        ),
        ("[calibration]\nsamples = 0", "calibration.samples: must be "),
        ("[gate]\nmax_drop = -1", "gate.max_drop: must be 0 or more"),
        ("[gate]\nmax_drop = 101", "gate.max_drop: must be 100 or less"),
        ("[gate]\nparity_inputs = 0", "gate.parity_inputs: must be "),
        ("[bench]\nthreads = 0", "bench.threads: must be 1 or more"),
        (
            '[hyperparameters]\nx = [1, "2"]',
            "hyperparameters.x: must be true, false, a finite number, text or a list of numbers",
        ),
        ("[hyperparameters]\nx = nan", "hyperparameters.x: must be true, false, a finite number"),
        ("[hyperparameters]\nx = 1979-05-27", "hyperparameters.x: must be true, false, a finite"),
    ],
)
def test_wrong_key_is_named(tmp_path, text, problem):
    found = problems(tmp_path, text + "\n", model="lenet5", data="digits")
    assert found[0].startswith(problem)


def test_all_problems_are_told_at_once(tmp_path):
    found = problems(tmp_path, "modle = 'x'\n[training]\nepochs = -1\nfreeze = 'x'\n")
    assert {line.partition(":")[0] for line in found} == {
        *("model", "data", "modle", "training.epochs", "training.freeze")
    }
    assert any(line.startswith("model: is required") for line in found)


def test_a_byte_order_mark_of_an_editor_is_no_error(tmp_path):
    (tmp_path / "recipe.toml").write_bytes(b'\xef\xbb\xbfmodel = "lenet5"\r\n')
    assert read_recipe(tmp_path / "recipe.toml") == {"model": "lenet5"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = \nb = 1", "line 1"),
        ("[training\nepochs = 1", "line 1"),
        ("a = 1\na = 2", "overwrite"),
        ('a = "half', ""),
        (b"\xff\xfe", "utf-8"),
        ("a = " + "9" * 5000, "digits"),
        ("a = " + "[" * 5000, "recursion"),
        (b"a = '\0'", ""),
    ],
    ids=["value", "bracket", "twice", "quote", "encoding", "digits", "depth", "zero byte"],
)
def test_broken_toml(tmp_path, text, reason):
    with pytest.raises(UsageError, match=r"recipe\.toml is not TOML") as caught:
        recipe_of(tmp_path, text)
    assert reason in caught.value.why


@fuzz
@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_text_is_a_recipe_or_a_usage_error(tmp_path, text):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    with pytest.raises(UsageError):  # nothing so short names a model and its data
        recipe_of(tmp_path, data)


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(UsageError, match="there is no recipe"):
        recipe_from(recipe=tmp_path / "missing.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        recipe_from(recipe=tmp_path)
    locked = tmp_path / "locked.toml"
    locked.write_text(NAMES)
    locked.chmod(0)
    with no_privileges(), pytest.raises(UsageError, match="cannot be read"):
        recipe_from(recipe=locked)


def test_arguments_win_over_the_file(tmp_path):
    text = (
        NAMES
        + 'formats = ["onnx"]\nseed = 1\n[training]\nepochs = 9\nbatch_size = 4\n'
        + "[calibration]\nsamples = 5\n[gate]\nmax_drop = 1\nparity_inputs = 70\n"
        + '[bench]\ntier = "full"\nthreads = 3\n'
    )
    recipe = recipe_of(
        tmp_path,
        text,
        model="resnet8",
        format=("tflite",),
        device=("board",),
        seed=0,
        epochs=0,
        calibration_samples=6,
        max_drop=0.0,
        tier="smoke",
        threads=1,
        set={"blocks": 2},
    )
    assert (recipe.model, recipe.data, recipe.seed) == ("resnet8", "digits", 0)
    assert (recipe.formats, recipe.devices) == (("tflite",), ("board",))
    assert (recipe.training.epochs, recipe.training.batch_size) == (0, 4)
    assert (recipe.gate.max_drop, recipe.gate.parity_inputs) == (0.0, 70)
    assert (recipe.bench.tier, recipe.bench.threads) == ("smoke", 1)
    assert (recipe.calibration.samples, recipe.hyperparameters) == (6, {"blocks": 2})


def test_absent_arguments_leave_the_file_alone(tmp_path):
    text = NAMES + 'formats = ["onnx"]\n[hyperparameters]\nblocks = 2\n[training]\nepochs = 9\n'
    assert recipe_of(tmp_path, text, format=(), set={}, epochs=None) == recipe_of(tmp_path, text)


def test_argument_that_no_recipe_has():
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        recipe_from(model="lenet5", data="digits", epoch=3)


def test_wrong_argument_is_told_like_a_wrong_key():
    with pytest.raises(UsageError, match=r"--epochs \(training\.epochs\): .*got -1") as caught:
        recipe_from(model="lenet5", data="digits", epochs=-1)
    assert "invalid options" in caught.value.what


WORDS = st.text(min_size=1, max_size=8)


LISTS = st.lists(WORDS, min_size=1, max_size=3).map(tuple)


PLAIN_VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)


@fuzz
@given(
    st.builds(
        Recipe,
        model=WORDS,
        data=WORDS,
        formats=LISTS,
        devices=st.lists(WORDS, max_size=2).map(tuple),
        seed=st.integers(0, 2**31 - 1),
        hyperparameters=st.dictionaries(WORDS, PLAIN_VALUES, max_size=3),
        training=st.builds(
            Training,
            epochs=st.integers(0, 100_000),
            learning_rate=st.floats(0, 10, exclude_min=True),
            dropout=st.none() | st.floats(0, 1, exclude_max=True),
            augment=st.lists(st.sampled_from(get_args(Augmentation)), max_size=3).map(tuple),
            from_scratch=st.booleans(),
        ),
    )
)
def test_recipe_survives_its_own_file(tmp_path, recipe):
    text = tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))
    assert tomllib.loads(text)
    assert recipe_of(tmp_path, text) == recipe

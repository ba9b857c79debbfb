"""Recipes: the file first, arguments over it; each wrong key is named with what it may be."""

from __future__ import annotations

import datetime
import math
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz, no_privileges
from pydantic import ValidationError

from zoo.cli.recipe_options import parse_pairs
from zoo.common.errors import UsageError
from zoo.contracts.precision import precision_named
from zoo.contracts.training import Training
from zoo.contracts.training_fields import Augmentation
from zoo.pipeline.options import recipe_from
from zoo.pipeline.recipe import Recipe

NAMES = 'model = "lenet5"\ndata = "digits"\n'


def recipe_of(folder: Path, text: str | bytes, **arguments) -> Recipe:
    path = folder / "recipe.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return recipe_from(recipe=path, **arguments)


def problems(folder: Path, text: str, **arguments) -> list[str]:
    """The lines about wrong keys."""
    with pytest.raises(UsageError) as caught:
        recipe_of(folder, text, **arguments)
    assert str(folder / "recipe.toml") in caught.value.what
    assert caught.value.fix
    return [line[4:] for line in caught.value.what.splitlines()[1:]]


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
            "allow_leak, seed, hyperparameters, source, training, export, calibration, limits, "
            "qat, gate, bench",
        ),
        ("[trainin]", "trainin: there is no such key; did you mean 'training'?"),
        ("[training]\nepoch = 1", "training.epoch: there is no such key; did you mean 'epochs'?"),
        (
            "[bench]\nquux = 1",
            "bench.quux: there is no such key; allowed keys: tier, threads",
        ),
        ("[training.epochs]\nx = 1", "training.epochs: input should be a valid integer"),
        ("training = 5", "training: must be a table (got 5)"),
        ("[[training]]\nepochs = 1", "training: must be a table"),
        ("gate = []", "gate: must be a table (got [])"),
        ("hyperparameters = 3", "hyperparameters: must be a table (got 3)"),
        ("formats = 'tflite'", "formats: must be a list (got 'tflite')"),
        ("precisions = []", "precisions: must name at least one (got [])"),
        ("formats = [1]", "formats.0: input should be a valid string (got 1)"),
        ("seed = true", "seed: input should be a valid integer (got True)"),
        ("seed = '7'", "seed: input should be a valid integer (got '7')"),
        ("seed = 1.5", "seed: input should be a valid integer (got 1.5)"),
        ("seed = -1", "seed: input should be greater than or equal to 0 (got -1)"),
        ("seed = 2147483648", "seed: input should be less than 2147483648"),
        ("[training]\nepochs = -1", "training.epochs: input should be greater than or equal to 0"),
        ("[training]\nbatch_size = 0", "training.batch_size: input should be greater than or"),
        ("[training]\nlearning_rate = 0", "training.learning_rate: input should be greater than 0"),
        ("[training]\nlearning_rate = 11", "training.learning_rate: input should be less than or"),
        ("[training]\nlearning_rate = nan", "training.learning_rate: input should be a finite"),
        ("[training]\nlearning_rate = true", "training.learning_rate: input should be a valid n"),
        ("[training]\ndropout = 1", "training.dropout: input should be less than 1 (got 1)"),
        ("[training]\nlabel_smoothing = -0.1", "training.label_smoothing: input should be great"),
        ("[training]\nweight_decay = inf", "training.weight_decay: input should be a finite"),
        ("[training]\npatience = -1", "training.patience: input should be greater than or equal"),
        ("[training]\nfrom_scratch = 'yes'", "training.from_scratch: input should be a valid bool"),
        (
            "[training]\nfreeze = 'head'",
            "training.freeze: input should be 'none', 'backbone' or 'gradual' (got 'head')",
        ),
        (
            "[training]\naugment = ['flip', 'mirror']",
            "training.augment.1: input should be 'rotate', 'shift', 'crop', 'flip' or 'erase' "
            "(got 'mirror')",
        ),
        ("[calibration]\nsamples = 0", "calibration.samples: input should be greater than or"),
        ("[gate]\nmax_drop = -1", "gate.max_drop: input should be greater than or equal to 0"),
        ("[gate]\nmax_drop = 101", "gate.max_drop: input should be less than or equal to 100"),
        ("[gate]\nparity_inputs = 0", "gate.parity_inputs: input should be greater than or"),
        ("[bench]\nthreads = 0", "bench.threads: input should be greater than or equal to 1"),
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
        formats=("tflite",),
        devices=("board",),
        seed=0,
        epochs=0,
        calibration_samples=6,
        max_drop=0.0,
        tier="smoke",
        threads=1,
        hyperparameters={"blocks": 2},
    )
    assert (recipe.model, recipe.data, recipe.seed) == ("resnet8", "digits", 0)
    assert (recipe.formats, recipe.devices) == (("tflite",), ("board",))
    assert (recipe.training.epochs, recipe.training.batch_size) == (0, 4)
    assert (recipe.gate.max_drop, recipe.gate.parity_inputs) == (0.0, 70)
    assert (recipe.bench.tier, recipe.bench.threads) == ("smoke", 1)
    assert (recipe.calibration.samples, recipe.hyperparameters) == (6, {"blocks": 2})


def test_absent_arguments_leave_the_file_alone(tmp_path):
    text = NAMES + 'formats = ["onnx"]\n[hyperparameters]\nblocks = 2\n[training]\nepochs = 9\n'
    assert recipe_of(tmp_path, text, formats=(), hyperparameters={}, epochs=None) == recipe_of(
        tmp_path, text
    )


def test_argument_that_no_recipe_has():
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        recipe_from(model="lenet5", data="digits", epoch=3)


def test_wrong_argument_is_told_like_a_wrong_key():
    with pytest.raises(UsageError, match=r"training\.epochs: .*got -1") as caught:
        recipe_from(model="lenet5", data="digits", epochs=-1)
    assert "what was asked" in caught.value.what


def test_hyperparameters_from_the_command_line():
    pairs = [
        "a=1",
        "b=true",
        "c=relu",
        "d='x y'",
        "e=1.5",
        "f=",
        "g=[1",
        "h=a=b",
        " i = 3",
        "j=1e3",
    ]
    assert parse_pairs(pairs, "--set", "activation=relu") == {
        "a": 1,
        "b": True,
        "c": "relu",
        "d": "x y",
        "e": 1.5,
        "f": "",
        "g": "[1",
        "h": "a=b",
        "i": 3,
        "j": 1000.0,
    }
    assert parse_pairs(["k=1979-05-27"], "--set", "activation=relu")["k"] == datetime.date(
        1979, 5, 27
    )
    assert math.isnan(parse_pairs(["l=nan"], "--set", "activation=relu")["l"])
    assert parse_pairs(["a=1", "a=2"], "--set", "activation=relu") == {"a": 2}


@pytest.mark.parametrize("pair", ["a", "", "=1", " =1"])
def test_hyperparameter_without_a_key_or_value(pair):
    with pytest.raises(UsageError, match="is not KEY=VALUE") as caught:
        parse_pairs(["x=1", pair], "--set", "activation=relu")
    assert repr(pair) in caught.value.what


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 5000, "1\nvalue=2", "1\nother=2", "1\n[t]"])
def test_value_that_is_not_one_toml_value_is_text(text):
    assert parse_pairs([f"x={text}"], "--set", "activation=relu") == {"x": text}


@fuzz
@given(st.text())
def test_any_pair_is_parsed_or_refused(pair):
    try:
        parsed = parse_pairs([pair], "--set", "activation=relu")
    except UsageError:
        assert "=" not in pair or not pair.partition("=")[0].strip()
    else:
        assert list(parsed) == [pair.partition("=")[0].strip()]


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


def test_precisions_are_ordered_from_float_down():
    given_order = ["int8", "float32", "int16x8", "dynamic-int8", "float16"]
    assert sorted(given_order, key=lambda name: precision_named(name).order) == [
        *("float32", "float16", "dynamic-int8", "int8", "int16x8")
    ]


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (48, (48, 48)),
        ("48", (48, 48)),
        ("48x64", (48, 64)),
        (" 48 X 64 ", (48, 64)),
        ("48×64", (48, 64)),
        ([48, 64], (48, 64)),
    ],
)
def test_sizes_are_height_and_width(given, size):
    assert Training(input_size=given).input_size == size


@pytest.mark.parametrize(
    "given", [0, -1, 8193, True, 48.0, "", "x", "48x", "4x5x6", "-3", "4.5", [48], [1, 2, 3], "²"]
)
def test_what_is_no_size_is_refused(given):
    with pytest.raises(ValidationError):
        Training(input_size=given)


@pytest.mark.parametrize("given", [0, 2, 4, -1, "3", True, 3.0])
def test_channels_are_one_or_three(given):
    with pytest.raises(ValidationError):
        Training(channels=given)


@given(st.text(alphabet="0123456789xX× -.", max_size=12))
@fuzz
def test_any_text_is_a_size_or_an_error(text):
    try:
        size = Training(input_size=text).input_size
    except ValidationError:
        return
    assert size is not None
    assert all(1 <= side <= 8192 for side in size)


def test_a_size_survives_the_written_recipe(tmp_path):
    recipe = recipe_from(model="resnet8", data="digits", input_size="48x64", channels=3)
    written = tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))
    assert recipe_of(tmp_path, written) == recipe


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("freeze='gradual'\nfrom_scratch=true", "protects pretrained layers"),
        ("freeze='gradual'\nepochs=1", "needs at least 2 epochs"),
        ("rate_factor=2\nfrom_scratch=true", "rate_factor spares pretrained layers"),
        ("rate_factor=2\nfreeze='backbone'", "rate_factor does nothing"),
    ],
)
def test_options_that_contradict_each_other_are_told_in_one_sentence(tmp_path, table, problem):
    (line,) = problems(tmp_path, f"{NAMES}[training]\n{table}")
    assert line.startswith("training: ")
    assert problem in line
    assert "{" not in line


def test_layers_learn_slower_by_the_factor_of_the_paper_when_they_are_thawed_gradually():
    assert Training().factor == 1.0
    assert Training(freeze="gradual").factor == 2.6
    assert Training(freeze="gradual", rate_factor=1.0).factor == 1.0
    assert Training(rate_factor=3.0).factor == 3.0

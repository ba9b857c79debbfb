"""Values of a recipe: hyper-parameters, sizes, and options that contradict each other."""

from __future__ import annotations

import datetime
import math

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz
from pydantic import ValidationError
from recipes import NAMES, problems, recipe_of

from zoo.cli.recipe_options import parse_pairs
from zoo.common.errors import UsageError
from zoo.contracts.precision import precision_named
from zoo.contracts.training import Training
from zoo.pipeline.options import recipe_from


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

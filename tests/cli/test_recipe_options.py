"""Options are declared once: recipe, command line, keywords and help reach the same fields."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import click
import pytest
import tomli_w
from pydantic import BaseModel, ValidationError

import zoo
from zoo.cli.export_command import command as export_command
from zoo.cli.finetune_command import command as finetune_command
from zoo.cli.recipe_options import recipe_options, recipe_values
from zoo.cli.ship_command import command as ship_command
from zoo.contracts.declaration import Fields, Option, Rule, Whole, fields_of
from zoo.contracts.training import Section
from zoo.pipeline.options import recipe_from, takes_recipe_keywords
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.recipe_fields import EXPORT, TRAINING, WHOLE, by_keyword, recipe_fields, select

FIELDS = {field.path: field for field in recipe_fields()}
FLAGS = [path for path, field in FIELDS.items() if field.flag is not None]
BASE = {"model": "lenet5", "data": "digits"}


def leaves(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """The path of each key that a recipe may have."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{above}{name}.")
        else:
            yield above + name


def at(recipe: Recipe, path: str) -> Any:
    value: Any = recipe
    for name in path.split("."):
        value = getattr(value, name)
    return value


def sample(path: str) -> Any:
    """A value other than the default."""
    field = FIELDS[path]
    if field.option.value is not None:
        return field.option.value
    others = [choice for choice in field.choices if choice != field.default]
    if field.several:
        return others[:2] or field.option.example or ["one", "two"]
    if field.is_table:
        inner: dict[str, Any] = {"key": 3}
        return {"owner": inner} if field.is_table_of_tables else inner
    if others:
        return others[0]
    if field.type is bool:
        return not field.default
    if field.type is int:
        return field.option.example or field.default + 1
    if field.type is float:
        return field.option.example or field.default / 2 or 0.5
    return field.option.example or "something"


def typed(path: str, value: Any) -> list[str]:
    """What gives the value on the command line."""
    field = FIELDS[path]
    flag = str(field.flag)
    if field.option.value is not None or field.type is bool:
        return [flag]
    if field.several:
        return [flag, ",".join(value)]
    if field.is_table_of_tables:
        return [flag, "owner.key=3"]
    return [flag, "key=3" if field.is_table else str(value)]


def test_every_key_of_a_recipe_is_declared():
    assert sorted(leaves(Recipe)) == sorted(FIELDS)
    assert len(FIELDS) > 40


@pytest.mark.parametrize("path", FIELDS)
def test_field_is_described_and_has_a_flag_or_a_reason_for_none(path):
    field = FIELDS[path]
    assert field.option.help
    assert (field.flag is None) != (field.option.no_flag == "")
    if field.flag is not None:
        assert field.keyword is not None
        assert field.path in {f.path for f in select(("data", *WHOLE))}


@pytest.mark.parametrize("path", FIELDS)
def test_default_is_that_of_the_recipe(path):
    field = FIELDS[path]
    if field.default is not ...:
        assert at(Recipe(model="m", data="d"), path) == field.default


def test_flags_and_keywords_are_given_once():
    flags = [field.flag for field in FIELDS.values() if field.flag]
    keywords = [field.keyword for field in FIELDS.values() if field.keyword]
    assert len(set(flags)) == len(flags)
    assert len(set(keywords)) == len(keywords)


@pytest.mark.parametrize("path", FLAGS)
def test_flag_keyword_and_recipe_reach_the_same_field(path, tmp_path):
    field = FIELDS[path]
    value = sample(path)
    others = {"qat": True} if path == "qat.epochs" else {}
    given = {**BASE, **others, str(field.keyword): value}
    by_python = recipe_from(**given)

    words = ["lenet5", "--data", "digits", *(["--qat"] if others else []), *typed(path, value)]
    context = ship_command.make_context("ship", words)
    from_shell = {k: v for k, v in recipe_values(context.params).items() if k in by_keyword()}
    by_shell = recipe_from(**from_shell)

    *tables, name = path.split(".")
    written: dict[str, Any] = {**BASE, **({"qat": {"enabled": True}} if others else {})}
    (written.setdefault(tables[0], {}) if tables else written)[name] = value
    file = tmp_path / "recipe.toml"
    file.write_text(tomli_w.dumps(written))
    by_file = recipe_from(recipe=file)

    assert by_python == by_shell == by_file
    if path != "data":  # which all of them give
        assert at(by_python, path) != field.default


@pytest.mark.parametrize("path", FLAGS)
def test_help_tells_choices_and_default(path):
    field = FIELDS[path]
    (told,) = [p.help for p in ship_command.params if field.flag in p.opts]
    for choice in field.choices if field.option.value is None else ():
        assert choice in told
    if field.format_default:
        assert told.endswith(f" [{field.format_default}].")
    assert "{" not in told


def test_defaults_in_words_are_those_of_values():
    words = {path: field.format_default for path, field in FIELDS.items()}
    assert words["training.epochs"] == "15"
    assert words["training.learning_rate"] == "0.001"
    assert words["training.label_smoothing"] == "0"
    assert words["limits.seconds"] == "1800"
    assert words["precisions"] == "float32, int8"
    assert words["training.from_scratch"] == words["export.repair"] == ""


@pytest.mark.parametrize(
    ("function", "command", "paths"),
    [
        (zoo.ship, ship_command, WHOLE),
        (zoo.finetune, finetune_command, TRAINING),
        (zoo.export, export_command, (*EXPORT, "seed")),
    ],
)
def test_function_shows_the_keywords_that_its_command_takes(function, command, paths):
    parameters = inspect.signature(function).parameters
    names = {param.name for param in command.params}
    for field in select(paths):
        assert parameters[field.keyword].default is None
        assert f"\n        {field.keyword}: " in function.__doc__
        assert field.keyword in names
    assert all(len(line) <= 100 for line in function.__doc__.splitlines())
    assert parameters["epochs" if function is zoo.ship else "seed"].annotation == "int | None"


def test_a_new_option_is_one_field():
    class NewFields(Fields):
        """A table."""

        rounds: Annotated[Whole, Rule(ge=1), Option("How often", metavar="COUNT")] = 4

    class New(NewFields, Section):
        """A table."""

    (field,) = fields_of("new", NewFields)
    assert (field.flag, field.keyword, field.path) == ("--rounds", "rounds", "new.rounds")
    assert (field.type, field.format_default) == (int, "4")
    assert New.model_validate({}).rounds == 4
    with pytest.raises(ValidationError):
        New.model_validate({"rounds": 0})
    with pytest.raises(ValidationError):
        New.model_validate({"rounds": True})


#: One field more in the source of the training's options, before anything has read it.
ONE_MORE = """
import importlib.util, inspect, runpy, sys, types

from zoo.contracts import declaration

spec = importlib.util.find_spec("zoo.contracts.training_fields")
text = open(spec.origin, encoding="utf-8").read()
head = "class TrainingFields(Fields):\\n"
assert head in text and spec.name not in sys.modules
doc = text.split(head)[1].split("\\n")[0] + "\\n"
field = '    naps: Annotated[Whole, Rule(ge=1), Option("Epochs without a rest")] = 4\\n'
module = types.ModuleType(spec.name)
module.__file__ = spec.origin
sys.modules[spec.name] = module
text = text.replace(head + doc, head + doc + "\\n" + field)
exec(compile(text, spec.origin, "exec"), vars(module))

import zoo
from zoo.cli.recipe_options import recipe_values
from zoo.cli.ship_command import command
from zoo.pipeline.options import recipe_from
from zoo.pipeline.recipe_fields import by_keyword

(option,) = [p for p in command.params if "--naps" in p.opts]
print("help:", option.help)
print("keyword:", inspect.signature(zoo.ship).parameters["naps"])
print("documented:", "naps: Epochs without a rest" in zoo.ship.__doc__)
given = command.make_context("ship", ["lenet5", "--data", "digits", "--naps", "9"]).params
values = {k: v for k, v in recipe_values(given).items() if k in by_keyword()}
print("typed:", recipe_from(**values).training.naps)
print("default:", recipe_from(model="lenet5", data="digits").training.naps)
guide = runpy.run_path("docs/update.py")["recipe_block"]()
print("guide:", *[" ".join(line.split()) for line in guide.splitlines() if "naps" in line])
try:
    recipe_from(model="lenet5", data="digits", naps=0)
except zoo.ZooError as error:
    print("refused:", "naps" in str(error))
"""


def test_flag_help_default_keyword_and_guide_follow_from_one_field():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", ONE_MORE], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "help: Epochs without a rest [4].",
        "keyword: naps: 'int | None' = None",
        "documented: True",
        "typed: 9",
        "default: 4",
        "guide: naps = 4 # Epochs without a rest",
        "refused: True",
    ]


def test_field_without_a_meaning_is_an_error():
    class NewFields(Fields):
        """A table."""

        rounds: Whole = 4

    with pytest.raises(TypeError, match=r"NewFields\.rounds has no Option"):
        fields_of("new", NewFields)


def test_command_may_have_a_default_of_its_own():
    @click.command
    @recipe_options("precisions", "seed", precision="all")
    def command(**given: Any) -> None: ...

    told = {p.name: p.help for p in command.params}
    assert told["precision"].endswith("[all].")
    assert told["seed"].endswith("[0].")


def test_keywords_are_written_where_a_function_is_without_documentation():
    @takes_recipe_keywords("seed")
    def function(**options: Any) -> None: ...

    assert list(inspect.signature(function).parameters) == ["seed", "options"]
    assert function.__doc__ is None


@pytest.mark.parametrize("flag", ["--format", "--precision", "--device"])
def test_a_name_that_is_empty_does_not_mean_all(flag):
    from zoo.common.errors import UsageError

    context = ship_command.make_context("ship", ["lenet5", flag, ","])
    with pytest.raises(UsageError, match=f"{flag} names nothing"):
        recipe_values(context.params)


def test_tables_of_the_command_line_are_put_among_those_of_the_recipe(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text(
        'model = "m"\ndata = "d"\n[hyperparameters]\na = 1\n[training.task]\nl1 = 1.0\n'
        "[export.options.onnx]\nopset = 17\n"
    )
    made = recipe_from(
        recipe=file,
        set={"b": 2},
        task_option={"l2": 2.0},
        export_option={"onnx": {"layout": "nchw"}, "tflite": {"sparse": True}},
    )
    assert made.hyperparameters == {"b": 2}  # which replaces the recipe's
    assert made.training.task == {"l1": 1.0, "l2": 2.0}
    assert made.export.options == {
        "onnx": {"opset": 17, "layout": "nchw"},
        "tflite": {"sparse": True},
    }


def test_every_line_of_the_guide_is_a_value_that_is_possible():
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    values = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    recipe = Recipe.model_validate(values)
    for path, field in FIELDS.items():
        if field.choices and not field.several:
            assert at(recipe, path) in field.choices
        elif field.choices:
            assert set(at(recipe, path)) <= set(get_args(get_args(field.type)[0]))

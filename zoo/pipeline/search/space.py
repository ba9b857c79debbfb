"""The space of a search for hyper-parameters: what is declared, what was asked, what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from zoo.common.errors import UnknownName, UsageError
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.declaration import RecipeField
from zoo.contracts.search_space import Choices, Interval, SearchRange, choice_text
from zoo.contracts.training import Training
from zoo.data.opening import open_dataset
from zoo.pipeline.job import Job
from zoo.pipeline.recipe import Recipe, make_recipe
from zoo.pipeline.recipe_fields import select
from zoo.pipeline.search.widths import scaled

#: Factors of a width that nothing else is declared for.
_WIDTHS = (0.5, 0.75, 1.0, 1.5)
#: Options of training that are no matter of a search: how long and how it runs, what it begins
#: with, and tables of the task's own.
_NEVER = {
    *("epochs", "patience", "from_scratch", "jit", "accelerators"),
    *("task", "input_size", "channels"),
}
_INTERVAL = re.compile(r"\s*([^\s:]+?)\s*(?<!\.)\.\.(?!\.)\s*([^\s:]+?)\s*(:log)?\s*")


@dataclass(frozen=True, kw_only=True)
class SearchedParameter:
    """One dimension of a search.

    Attributes:
        name: Of the option of training, or of the network's hyper-parameter.
        owner: Whose it is.
        range: What it may be.
        default: What it is where nothing is varied.
        asked: Whether it was named by the user.
    """

    name: str
    owner: Literal["network", "training"]
    range: SearchRange
    default: Any
    asked: bool = False

    @property
    def holds_default(self) -> bool:
        """Whether the default is part of the space."""
        return self.range.holds(self.default)


def search_space(
    job: Job, asked: Mapping[str, str], *, only: bool
) -> tuple[SearchedParameter, ...]:
    """What a search varies: what is declared, unless the user set it, and what is asked.

    Args:
        job: Of the default.
        asked: Name → what it may be, as typed.
        only: Whether nothing varies but what is asked.

    Raises:
        UsageError: A name that nothing declares, a range that cannot be read, or none at all.
    """
    fields = {f.name: f for f in select(["training"]) if f.name not in _NEVER}
    network = job.architecture.hyperparameters()
    own = {name: value for name, value in network.items() if name not in fields}
    known = {name for name in fields if name != "dropout" or "dropout" in network} | {*own}
    for name in asked:
        if name not in known:
            raise UnknownName("parameter to vary", name, known)
    if job.checkpoint is not None and (changed := [name for name in asked if name in own]):
        raise UsageError(
            f"{changed[0]} changes the network, and {job.checkpoint.model_id} fits it as it is",
            why="pretrained weights belong to the hyper-parameters that they were trained with",
            fix="add --from-scratch, which begins each trial with random weights",
        )
    found = [_of_training(job, field, network, asked) for n, field in fields.items() if n in known]
    if job.checkpoint is None:
        found += [_of_network(job, name, own[name], asked) for name in own]
    space = tuple(p for p in found if p is not None and (p.asked or not only))
    if not any(p.range.count != 1 or not p.holds_default for p in space):
        why = None if only else "every option was given, and --space names nothing"
        raise UsageError(
            "there is nothing to vary",
            why=why if not space else "the space holds the default alone",
            fix="name a parameter, such as --space learning_rate=1e-4..1e-2:log",
        )
    return space


def _of_training(
    job: Job, field: RecipeField, network: Mapping[str, Any], asked: Mapping[str, str]
) -> SearchedParameter | None:
    training, name = job.recipe.training, field.name
    default = getattr(training, name)
    if name == "batch_size":
        count = len(open_dataset(job.registry, job.recipe.data).splits["train"])
        default = training.with_batch_size_for(count).batch_size
    elif name == "dropout" and default is None:
        default = _own_hyperparameters(job, network)["dropout"]
    elif name == "rate_factor":
        default = training.factor
    if name in asked:
        given = _typed(field.type, name)
        example = choice_text(default) if field.searched is None else str(field.searched)
        found = _range(name, asked[name], example, several=field.several, real=given is float)
        return SearchedParameter(
            name=name, owner="training", range=found, default=default, asked=True
        )
    moved = name == "augment" and not job.variant.preprocessing.training.augmentable
    if field.searched is None or name in training.model_fields_set or moved:
        return None
    whole = _with(field.searched, default)
    return SearchedParameter(name=name, owner="training", range=whole, default=default)


def _typed(declared: Any, name: str) -> Any:
    """The plain type of a field that may vary; of a list, of its items."""
    return get_args(declared)[0] if get_args(declared) and name == "augment" else declared


def _of_network(
    job: Job, name: str, own: Any, asked: Mapping[str, str]
) -> SearchedParameter | None:
    default = _own_hyperparameters(job, {name: own}).get(name)
    if name in asked:
        several, real = isinstance(default, list | tuple), isinstance(default, float)
        example = str(job.architecture.searched.get(name, choice_text(default)))
        found = _range(name, asked[name], example, several=several, real=real)
        return SearchedParameter(
            name=name, owner="network", range=found, default=default, asked=True
        )
    if name in job.recipe.hyperparameters or default is None:
        return None
    declared = job.architecture.searched.get(name)
    if declared is None and name in job.architecture.widths:
        values = {choice_text(v): v for v in (scaled(default, f) for f in _WIDTHS)}
        declared = Choices(tuple(values.values())) if len(values) > 1 else None
    # Zero switches a part of the network off, and it stays off.
    if declared is None or (default == 0 and not declared.holds(default)):
        return None
    return SearchedParameter(
        name=name, owner="network", range=_with(declared, default), default=default
    )


def _own_hyperparameters(job: Job, network: Mapping[str, Any]) -> dict[str, Any]:
    return {**network, **job.variant.hyperparameters, **job.recipe.hyperparameters}


def _with(declared: SearchRange, default: Any) -> SearchRange:
    """A declared range that holds the default, too."""
    if declared.holds(default):
        return declared
    if isinstance(declared, Choices):
        return Choices((*declared.values, default))
    return Interval(min(declared.low, default), max(declared.high, default), declared.log)


def parse_space(texts: Sequence[str] | Mapping[str, Any]) -> dict[str, str]:
    """``NAME=RANGE`` of the command line, or a dictionary of Python, as name → range as typed.

    Raises:
        UsageError: One has no name or no range, or a name stands twice.
    """
    if isinstance(texts, str):
        texts = [texts]
    if isinstance(texts, Mapping):
        return {str(name): _as_typed(value) for name, value in texts.items()}
    if not isinstance(texts, Sequence):
        raise UsageError(
            f"space={texts!r} names no parameters", fix='for example: space={"kernel": [3, 5, 7]}'
        )
    found: dict[str, str] = {}
    for text in map(str, texts):
        name, sign, values = (part.strip() for part in text.partition("="))
        if not (name and sign and values):
            raise UsageError(
                f"--space {text!r} is not NAME=RANGE",
                fix="for example: --space learning_rate=1e-4..1e-1:log or --space kernel=3,5,7",
            )
        if name in found:
            raise UsageError(f"--space names {name} twice", fix="give all its values at once")
        found[name] = values
    return found


def _as_typed(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(choice_text(item) for item in value)
    return choice_text(value)


def _range(name: str, text: str, example: str, *, several: bool, real: bool) -> SearchRange:
    try:
        if several and ".." in text:
            raise ValueError("it is a list, which no interval holds")
        if match := _INTERVAL.fullmatch(text):
            low, high = (_number(part, real) for part in match.group(1, 2))
            if not real and isinstance(low, float) != isinstance(high, float):
                low, high = float(low), float(high)
            return Interval(low, high, log=match.group(3) is not None)
        if ".." in text or ":" in text:
            raise ValueError("an interval is LOW..HIGH or LOW..HIGH:log")
        return Choices(tuple(_value(part.strip(), several, real) for part in text.split(",")))
    except (ValueError, OverflowError, InvalidRecord) as error:
        raise UsageError(
            f"--space {name}={text} cannot be read",
            why=str(error),
            fix=f"for example: --space {name}={example}",
        ) from error


def _number(text: str, real: bool) -> int | float:
    try:
        return float(text) if real else int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a number") from None


def _value(text: str, several: bool, real: bool) -> Any:
    if several:
        return () if text == "none" else tuple(_value(p, False, real) for p in text.split("+"))
    if not text:
        raise ValueError("a value is missing between two commas")
    if text in ("true", "false"):
        return text == "true"
    try:
        return _number(text, real)
    except ValueError:
        return text


def with_values(
    recipe: Recipe, space: Sequence[SearchedParameter], values: Mapping[str, Any]
) -> Recipe:
    """A recipe with the values of one trial; what is at its default is left as it is.

    Raises:
        UsageError: Options of training that do not go together, or that none may be.
    """
    training: dict[str, Any] = {}
    network: dict[str, Any] = {}
    for parameter in space:
        value = values[parameter.name]
        if choice_text(value) != choice_text(parameter.default):
            (training if parameter.owner == "training" else network)[parameter.name] = value
    if not (training or network):
        return recipe
    plain = recipe.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    table = {**plain.get("training", {}), **training}
    own = {**plain.get("hyperparameters", {}), **network}
    changed = make_recipe({**plain, "training": table, "hyperparameters": own})
    return recipe.model_copy(
        update={
            "training": Training.model_validate(changed.training.model_dump(exclude_unset=True)),
            "hyperparameters": changed.hyperparameters,
        }
    )


def extremes(space: Sequence[SearchedParameter]) -> list[tuple[str, dict[str, Any]]]:
    """The default, and for each parameter its farthest values beside the others' defaults.

    Returns:
        What differs in words, empty for the default, and the values of all parameters.
    """
    defaults = {p.name: p.default for p in space}
    found: list[tuple[str, dict[str, Any]]] = [("", defaults)]
    for parameter in space:
        for end in parameter.range.ends:
            found.append(
                (f"{parameter.name}={choice_text(end)}", {**defaults, parameter.name: end})
            )
    return found

"""Which hyper-parameters a network takes, and of what type: as its `build` function declares."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from zoo.common.errors import UsageError
from zoo.contracts import Architecture


def accepted(build: Callable[..., Any]) -> list[str]:
    """Names of the hyper-parameters that a function takes, behind inputs and classes."""
    return list(inspect.signature(build).parameters)[2:]


def check_hyperparameters(architecture: Architecture, given: Mapping[str, Any]) -> None:
    """Refuses hyper-parameters that neither the network nor its companion takes.

    Raises:
        UsageError: A name that neither has, or a value that is not of the type declared for it.
    """
    builds = [architecture.build]
    if architecture.companion is not None:
        builds.append(architecture.companion)
    names = list(dict.fromkeys(name for build in builds for name in accepted(build)))
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise UsageError(
            f"{architecture.name!r} has no hyper-parameter {unknown[0]!r}",
            fix=f"it has: {', '.join(names)}" if names else "it has none",
        )
    for build in builds:
        for name in accepted(build):
            if name in given:
                _check_type(architecture, build, name, given[name])


def _check_type(
    architecture: Architecture, build: Callable[..., Any], name: str, value: Any
) -> None:
    # Imported late: `zoo list` and shell completion need networks' names, not their types.
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    try:
        adapter = TypeAdapter[Any](get_type_hints(build)[name])
    # Not annotated, by a name that exists for type checkers alone, or of a class of the author's:
    # then only `build` itself can tell.
    except (KeyError, NameError, TypeError, AttributeError, PydanticUserError):
        return
    try:
        written = json.dumps(value)
    except (TypeError, ValueError):
        written = ""
    try:
        # Strictly, since `build` is given the value itself: "16" is no int there. As JSON, where a
        # list will do for a tuple.
        if written:
            adapter.validate_json(written, strict=True)
        else:
            adapter.validate_python(value)
    except ValidationError as error:
        parameter = inspect.signature(build).parameters[name]
        declared = parameter.annotation
        shown = declared if isinstance(declared, str) else inspect.formatannotation(declared)
        usual = next(
            (
                one.hyperparameters[name]
                for one in architecture.variants
                if name in one.hyperparameters
            ),
            parameter.default,
        )
        such = "" if usual is parameter.empty else f", such as {_as_typed(usual)}"
        raise UsageError(
            f"hyper-parameter {name!r} of {architecture.name!r} cannot be {written or repr(value)}",
            why=error.errors()[0]["msg"],
            fix=f"give a value of type {shown}{such}",
        ) from error


def _as_typed(value: Any) -> str:
    """As recipes and ``--set`` write it."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)

"""The public functions as users call them: arguments checked, progress shown, short results."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from zoo.common.brief import brief, brief_result
from zoo.common.errors import UsageError
from zoo.common.option_words import meant_options
from zoo.pipeline.recipe_fields import by_keyword

Function = TypeVar("Function", bound=Callable[..., Any])
#: Types in plain words.
_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
}
_SEVERAL = {str: "texts", int: "whole numbers", float: "numbers"}


class WrongArgument(UsageError, TypeError):
    """A call with an argument that the function does not take, or of another type."""


def public(function: Function) -> Function:
    """A function that checks its arguments and shows progress where no `on_step` is given."""
    signature = inspect.signature(function)
    own = inspect.signature(function, follow_wrapped=False).parameters

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        if "on_step" in keywords and keywords["on_step"] is None:
            del keywords["on_step"]
        given = _checked(function, signature, args, keywords)
        if "progress" not in own:
            return brief_result(function(**given))
        wanted = given.pop("progress", None)
        if "on_step" in given:
            return brief_result(function(**given))
        from zoo.api import views as views  # registered for notebooks
        from zoo.report.live import shown

        with shown(function.__name__, wanted) as on_step:
            return brief_result(function(**{**given, "on_step": on_step}))

    return call  # type: ignore[return-value]


def _checked(
    function: Callable[..., Any],
    signature: inspect.Signature,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
) -> dict[str, Any]:
    """All arguments by keyword.

    Raises:
        WrongArgument: Says which, and what the function takes.
    """
    name = f"zoo.{function.__name__}"
    parameters = signature.parameters
    places = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    known = [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(args) > len(places):
        raise WrongArgument(
            f"{name} got {len(args)} arguments without a keyword, and takes {len(places)}",
            fix=f"{name}({', '.join([*places, f'{known[len(places)]}=…'])})"
            if len(known) > len(places)
            else f"{name}({', '.join(places)})",
        )
    given = dict(zip(places, args, strict=False))
    if twice := [key for key in keywords if key in given]:
        raise WrongArgument(f"{name} got {twice[0]!r} twice", fix="give it once")
    given |= keywords
    others = by_keyword() if len(known) < len(parameters) else {}
    for key in keywords:
        if key not in known and key not in others:
            raise _unknown(name, key, known)
    required = [p.name for p in parameters.values() if p.default is p.empty and p.name in known]
    if missing := [key for key in required if key not in given]:
        raise WrongArgument(
            f"{name} needs {' and '.join(missing)}", fix=f"{name}({', '.join(required)}, …)"
        )
    hints = _hints(function)
    return {key: _typed(name, key, value, hints.get(key, Any)) for key, value in given.items()}


def _unknown(name: str, key: str, known: list[str]) -> WrongArgument:
    in_recipes = {field.name: keyword for keyword, field in by_keyword().items()}
    meant = in_recipes.get(key) or in_recipes.get(key.removesuffix("s")) or ""
    if key.startswith("no_") and key.removeprefix("no_") in known:
        hint = f"did you mean {key.removeprefix('no_')}=False?"
    elif close := [meant] if meant in known else meant_options(key, known, 1):
        hint = f"did you mean {close[0]!r}?"
    else:
        hint = f"help({name}) describes what it takes"
    return WrongArgument(f"{name} takes no argument {key!r}", fix=hint)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Types of the parameters; none where an annotation names what is not imported here."""
    try:
        return get_type_hints(inspect.unwrap(function))
    except NameError:
        return {}


def _typed(name: str, key: str, value: Any, hint: Any) -> Any:
    """A value of the type of its parameter.

    Numbers of numpy count as Python's, and paths as text where text alone is taken.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    allowed = _allowed(hint)
    if isinstance(value, os.PathLike) and (not allowed or str in allowed):
        value = value if _fits(value, allowed) else os.fspath(value)
    if not allowed or _fits(value, allowed):
        return value
    words = [_word(one) for one in allowed if one is not NoneType]
    what = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    raise WrongArgument(
        f"{name}: {key} must be {what} (got {brief(value)})",
        fix=f"help({name}) describes each argument",
    )


def _allowed(hint: Any) -> tuple[Any, ...]:
    """The parts of a union; nothing for what any value fits."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return () if Any in parts or any(isinstance(part, TypeVar) for part in parts) else parts


def _fits(value: Any, allowed: tuple[Any, ...]) -> bool:
    return any(_is(value, part) for part in allowed)


def _is(value: Any, part: Any) -> bool:
    kind = get_origin(part) or part
    if kind is float:
        kind = (int, float)
    if isinstance(value, bool) and kind in (int, (int, float)):
        return False
    if isinstance(kind, type) and isinstance(value, str | bytes):
        return kind is type(value) or kind is object
    inner = get_args(part)
    if not isinstance(value, kind):
        return False
    # What is read only once is not read here.
    if inner and isinstance(value, list | tuple | set):
        return all(_fits(one, _allowed(inner[0])) or not _allowed(inner[0]) for one in value)
    return True


def _word(part: Any) -> str:
    if part in _WORDS:
        return _WORDS[part]
    origin, inner = get_origin(part), get_args(part)
    if origin is Callable or part is Callable:
        return "a function"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a dictionary"
    if origin is not None and inner:
        several = [_SEVERAL.get(one) or f"{one.__name__}s" for one in _allowed(inner[0])]
        return f"a list of {' or '.join(several)}"
    return f"a {part.__name__}"

"""Fields of a recipe as they are declared: type, limits, default, and how they are given elsewhere.

The pydantic models that validate recipes inherit these fields; the options of commands, the
keywords of the Python API and the recipe guide are generated from them. Importing this module does
not import pydantic, so that help and shell completion stay quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from types import NoneType
from typing import (
    Annotated,
    Any,
    Literal,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from zoo.contracts.search_space import Choices, Interval, SearchRange


class Rule:
    """Limits of a value in the terms of a pydantic core schema: ``ge``, ``strict``, …"""

    def __init__(self, **limits: Any) -> None:
        self.limits = limits

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        return {**handler(source), **self.limits}


class Reader:
    """A function that reads what was written, such as 48 for (48, 48), before it is validated.

    It raises ValueError for what it cannot read, and hands on what validation refuses anyway.
    """

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import BeforeValidator

        return BeforeValidator(self.read).__get_pydantic_core_schema__(source, handler)


# TOML has types of its own: `epochs = true` or `"15"` is a mistake, not a number.
Whole = Annotated[int, Rule(strict=True)]
Real = Annotated[float, Rule(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Rule(strict=True)]
Finite = Annotated[float, Rule(allow_inf_nan=False)]
Share = Annotated[Real, Rule(ge=0, lt=1)]
#: What a network, a task or a format has for options of its own.
OwnOptions = dict[str, bool | int | Finite | str]
#: The default of tables; pydantic copies it.
EMPTY: dict[str, Any] = {}


@dataclass(frozen=True)
class Option:
    """What a field means, and how it is given on the command line and from Python.

    Texts may name other options as ``{keyword}``, and the choices of their own as ``{choices}``:
    all but ``auto``, which needs words of its own.

    Attributes:
        help: The meaning in one line, without the default.
        more: What the guide and Python's documentation add.
        keyword: From Python, where it is not the name of the field or there is no flag.
        flag: On the command line, where it is not made from the keyword; its name is the keyword
            then, without a ``no-`` in front: ``--no-repair`` is ``repair=False``.
        no_flag: Why there is no flag, where there is none.
        value: What the flag stands for where it takes no value and the field is not a bool.
        default: The default in words, where its value is not clear by itself.
        metavar: Stands for the value in help.
        completes: The kind of names that shells offer.
        example: A value for the guide, where the default shows little.
        typed: A right ``KEY=VALUE``, for messages about a wrong one.
        unset_if_empty: Whether an empty list or table leaves the recipe's value.
        merged: Whether keys of a table are put among the recipe's, instead of replacing them.
        decides: Whether results depend on the value by more than rounding; else it is no part of
            their keys.
    """

    help: str
    _: KW_ONLY
    more: str = ""
    keyword: str | None = None
    flag: str | None = None
    no_flag: str = ""
    value: str | None = None
    default: str | None = None
    metavar: str | None = None
    completes: str | None = None
    example: Any = None
    typed: str = ""
    unset_if_empty: bool = False
    merged: bool = False
    decides: bool = True


@dataclass_transform(kw_only_default=True)
class Fields:
    """Base of the fields of one table of a recipe; each is annotated with its `Option`."""


@dataclass(frozen=True, kw_only=True)
class RecipeField:
    """A declared field.

    Attributes:
        table: Of the recipe; empty for its first lines.
        name: Its key there.
        type: Without None and without annotations.
        default: Its value where nothing is given; ``...`` where something must be.
        option: How it is given.
        searched: What a search for hyper-parameters may give it; None: it is no matter of search.
    """

    table: str
    name: str
    type: Any
    default: Any
    option: Option
    searched: SearchRange | None = None

    @property
    def path(self) -> str:
        """``training.epochs``, as in messages about recipes."""
        return f"{self.table}.{self.name}".lstrip(".")

    @property
    def keyword(self) -> str | None:
        """The keyword argument in Python, which is the flag's name; None for recipes alone."""
        if self.flag is None:
            return self.option.keyword
        return self.flag.removeprefix("--").removeprefix("no-").replace("-", "_")

    @property
    def flag(self) -> str | None:
        """The command-line flag; None where `Option.no_flag` gives a reason."""
        if self.option.no_flag:
            return None
        return self.option.flag or "--" + (self.option.keyword or self.name).replace("_", "-")

    @property
    def several(self) -> bool:
        """Whether the field is a list."""
        return get_origin(self.type) is tuple and get_args(self.type)[-1] is ...

    @property
    def is_table(self) -> bool:
        """Whether the field is a table with free keys."""
        return get_origin(self.type) is dict

    @property
    def is_table_of_tables(self) -> bool:
        """Whether the field is a table of tables, one per owner."""
        return self.is_table and get_origin(get_args(self.type)[1]) is dict

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed values; empty for fields that are no closed choice."""
        inner = get_args(self.type)[0] if self.several else self.type
        return get_args(inner) if get_origin(inner) is Literal else ()

    @property
    def format_default(self) -> str:
        """The default as text; empty where it needs no mention."""
        if self.option.default is not None:
            return self.option.default
        if isinstance(self.default, tuple):
            return ", ".join(self.default)
        if self.default is None or self.default is ... or isinstance(self.default, bool | dict):
            return ""
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def helped(self, names: Mapping[str, str]) -> str:
        """The help line, with other options under the given names."""
        choices = [choice for choice in self.choices if choice != "auto"]
        return self.option.help.format_map({**names, "choices": ", ".join(choices)})

    def described(self, names: Mapping[str, str], *, default: bool = True, off: str = "") -> str:
        """The full description.

        Args:
            names: Keyword → what other options are called.
            default: Whether the default stands at the end.
            off: What stands for `Option.value` where that is not written itself.
        """
        text = self.helped(names)
        if self.option.value is not None:
            text = f"{off or self.option.value}: {text[0].lower()}{text[1:]}"
        if self.option.more:
            text = f"{text}; {self.option.more}"
        return f"{text} [{self.format_default}]" if default and self.format_default else text


def fields_of(table: str, declared: type[Fields]) -> list[RecipeField]:
    """The fields of one table in the order in which they are declared."""
    found = []
    for name, hint in get_type_hints(declared, include_extras=True).items():
        option = next((part for part in get_args(hint) if isinstance(part, Option)), None)
        if option is None:
            raise TypeError(f"{declared.__name__}.{name} has no Option that says what it means")
        found.append(
            RecipeField(
                table=table,
                name=name,
                type=_plain(hint),
                default=getattr(declared, name, ...),
                option=option,
                searched=next(
                    (part for part in get_args(hint) if isinstance(part, Interval | Choices)), None
                ),
            )
        )
    return found


def _plain(hint: Any) -> Any:
    """A type without annotations and without None."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    parts = [part for part in get_args(hint) if part is not NoneType]
    if NoneType in get_args(hint):
        (part,) = parts
        return _plain(part)
    if get_origin(hint) is tuple:
        return tuple[tuple(_plain(part) for part in parts)]  # type: ignore[misc]
    return hint

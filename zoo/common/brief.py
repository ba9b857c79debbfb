"""Short text of records, lists and dictionaries: what a prompt or a notebook prints of them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, TypeVar

from zoo.common.shown_text import printable, without_passwords

Row = TypeVar("Row")
#: Characters of one record, and rows of a list or dictionary that are shown.
_MOST, _ROWS = 300, 10

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxtuple = _SHORT.maxlist = _SHORT.maxdict = _SHORT.maxset = 3
_SHORT.maxstring = _SHORT.maxother = 70


class Brief:
    """Base of dataclasses (``repr=False``) whose repr is one line of at most 300 characters.

    Fields without a value are left out, long values are cut.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_cut(', '.join(self._values()))})"

    def _values(self) -> Iterator[str]:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.repr and not (value is None or (isinstance(value, _SIZED) and not value)):
                yield f"{field.name}={brief(value)}"


_SIZED = (str, tuple, list, dict)


def brief(value: Any) -> str:
    """The repr of a value in at most some hundred characters on one line."""
    return printable(without_passwords(_SHORT.repr(value)))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 2]} …"


class BriefList(list[Row]):
    """A list whose repr has a line for each row, ten at most."""

    def __repr__(self) -> str:
        lines = [f"  {_cut(printable(repr(row)))}," for row in self[:_ROWS]]
        return _framed("[", lines, len(self), "]")


class BriefTuple(tuple[Row, ...]):
    """A tuple whose repr has a line for each row, ten at most."""

    __slots__ = ()

    def __repr__(self) -> str:
        lines = [f"  {_cut(printable(repr(row)))}," for row in self[:_ROWS]]
        return _framed("(", lines, len(self), ")")


class Sheet(dict[str, Any]):
    """A dictionary whose repr has a line for each key, ten at most."""

    def __repr__(self) -> str:
        lines = [f"  {brief(key)}: {brief(value)}," for key, value in self.items()]
        return _framed("{", lines[:_ROWS], len(self), "}")


def _framed(begin: str, lines: list[str], count: int, end: str) -> str:
    more = [f"  … {count - len(lines)} more"] * (count > len(lines))
    return "\n".join([begin, *lines, *more, end]) if lines else begin + end


def brief_result(result: Any) -> Any:
    """The result of a function, its plain lists and dictionaries with a short repr."""
    if type(result) is list:
        return BriefList(result)
    if type(result) is dict:
        return Sheet(result)
    return result

"""Options behind a dataset's path: ``csv:data.csv?label=activity&window=50``.

The last ``?`` begins the options, so a path that has one of its own ends in one:
``csv:what?.csv?``. Nothing in the path is decoded. In keys and values, ``%26`` stands for ``&``,
``%3D`` for ``=``, ``%3F`` for ``?`` and ``%25`` for ``%``, as in any URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from zoo.common.errors import UnknownName, UsageError


@dataclass(frozen=True, kw_only=True)
class Query:
    """The parsed argument of a dataset's name.

    Attributes:
        provider: The dataset's name, for messages.
        path: Path or name before the options, as typed.
        options: By key; no value is empty.
    """

    provider: str
    path: str
    options: Mapping[str, str] = field(default_factory=dict)

    def number(self, key: str) -> int | None:
        """A whole number from 1; None when it is not given.

        Raises:
            UsageError: It is no such number.
        """
        text = self.options.get(key)
        if text is None:
            return None
        # More digits than any computer has memory for; int() would refuse thousands of them.
        if not (text.isascii() and text.isdecimal() and len(text) <= 12 and int(text) > 0):
            raise UsageError(f"{key}={text} is not a whole number from 1", fix=f"{key}=50")
        return int(text)

    def share(self, key: str) -> float | None:
        """A share from 0.01 to 0.5; None when it is not given.

        Raises:
            UsageError: It is no such number.
        """
        text = self.options.get(key)
        if text is None:
            return None
        try:
            value = float(text) if text.isascii() and "_" not in text else 0.0
        except ValueError:
            value = 0.0
        if not 0.01 <= value <= 0.5:
            raise UsageError(f"{key}={text} is not a share from 0.01 to 0.5", fix=f"{key}=0.2")
        return value

    def choice(self, key: str, valid: tuple[str, ...]) -> str:
        """One of `valid`; the first when it is not given.

        Raises:
            UnknownName: It is none of them.
        """
        text = self.options.get(key, valid[0])
        if text not in valid:
            raise UnknownName(f"{key} of {self.provider}", text, valid)
        return text

    def names(self, key: str, known: Sequence[str] = ()) -> tuple[str, ...]:
        """Names separated by commas; empty when it is not given.

        Args:
            key: Of the option.
            known: Names that there are, some with commas in them.

        Raises:
            UsageError: It is given, and holds no name.
        """
        text = self.options.get(key, "")
        parts, found = text.split(","), list[str]()
        while parts:
            # The longest name that there is; else what stands before the comma.
            lengths = range(len(parts), 1, -1)
            whole = (n for n in lengths if ",".join(parts[:n]).strip() in known)
            count = next(whole, 1)
            found.append(",".join(parts[:count]).strip())
            parts = parts[count:]
        if text and not any(found):
            raise UsageError(f"{key}={text} names no column", fix=f"{key}=NAME,NAME")
        return tuple(filter(None, found))


def parse_query(
    provider: str, argument: str | None, known: tuple[str, ...] | None = (), *, what: str = "path"
) -> Query:
    """Parses ``PATH?key=value&key=value``.

    Args:
        provider: The dataset's name, for messages.
        argument: What follows its colon.
        known: The keys that it takes; None for any.
        what: What stands before the options, for messages.

    Raises:
        UsageError: No path; an option that is not ``key=value``, or is given twice.
        UnknownName: A key that is not known; offers the nearest.
    """
    path, mark, text = (argument or "").rpartition("?")
    if not mark:
        path, text = text, ""
    if not path:
        raise UsageError(
            f"{provider} needs a {what}", fix=f"write --data {provider}:{what.upper()}"
        )
    options: dict[str, str] = {}
    for part in text.split("&") if text else ():
        key, equals, value = (unquote(piece) for piece in part.partition("="))
        if not equals or not key or not value:
            raise UsageError(
                f"{part!r} in {provider}:{argument} is not KEY=VALUE",
                why="the last ? of a dataset's name begins its options",
                fix=f"write {provider}:{path}?{key or 'KEY'}=VALUE; for a path with a question "
                f"mark, another behind it: {provider}:{argument}?",
            )
        if known == ():
            raise UsageError(
                f"{provider} takes no options, but got {part!r}", fix=f"--data {provider}:{path}"
            )
        if known is not None and key not in known:
            raise UnknownName(f"option of {provider}", key, known)
        if key in options:
            raise UsageError(f"the option {key!r} of {provider} is given twice", fix="keep one")
        options[key] = value
    return Query(provider=provider, path=path, options=options)

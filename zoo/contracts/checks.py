"""Checks that records make on construction."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")


class InvalidRecord(ValueError):
    """An unusable record of a plugin; names the field and the reason."""


def check_name(record: str, name: str) -> None:
    """Names are file names, command-line words and parts of model ids, so they stay simple."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidRecord(
            f"{record} name {name!r} is not usable: use lower-case letters, digits, '_' and '-', "
            "beginning with a letter"
        )


def check_words(record: str, words: tuple[str, ...]) -> None:
    """Other words for a record are texts in lower case, which is how they are looked up."""
    usable = isinstance(words, tuple) and all(
        isinstance(word, str) and word == word.lower() and word for word in words
    )
    check(usable, record, "also_called must be a tuple of words in lower case")


def check(condition: bool, record: str, problem: str) -> None:
    """Raises `InvalidRecord` naming the record unless `condition` holds."""
    if not condition:
        raise InvalidRecord(f"{record}: {problem}")


def describe_failure(error: BaseException, caller: str) -> str:
    """One line: the class, the message, and where in the plugin it happened, not in `caller`."""
    message = " ".join(str(error).split())
    if isinstance(error, SyntaxError) and error.filename:
        # Its own frames are Python's and ours; the place is in the exception.
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    place = ""
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    outside = [f for f in frames if f[0] != caller and "importlib" not in f[0]]
    if outside and not isinstance(error, InvalidRecord):
        place = f" ({outside[-1][0]}, line {outside[-1][1]})"
    return f"{type(error).__name__}{': ' if message else ''}{message}{place}"

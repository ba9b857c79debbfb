"""One file, or each file of a folder, one after the other: an error of one leaves the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from zoo.cli.failures import show
from zoo.cli.options import print_json
from zoo.common import terminal
from zoo.common.errors import ZooError
from zoo.common.shown_text import without_passwords

_Found = TypeVar("_Found")


def in_turn(
    operand: str,
    names: Sequence[str],
    call: Callable[[str], _Found],
    *,
    print_one: Callable[[_Found], None],
    plain: Callable[[_Found], Any],
    as_json: bool,
    debug: bool,
) -> tuple[list[_Found], int]:
    """Calls a command's function with a file, or with each file of a folder, and prints results.

    Args:
        operand: As typed.
        names: It, or the files of the folder that it is (`expanded_folders`).
        call: Takes a name.
        print_one: Prints a result as text.
        plain: A result as JSON.
        as_json: Print JSON: a list where a folder was named, in which a file with an error has
            ``file`` and ``error``.
        debug: Show the traceback of an error.

    Returns:
        The results, and the exit code of the first error; 0 without one.

    Raises:
        ZooError: Of a file that was named by itself.
    """
    alone = [*names] == [operand]
    each: list[_Found] = []
    rows: list[Any] = []
    code = 0
    for number, name in enumerate(names):
        if number and not as_json:
            terminal.echo()
        try:
            found = call(name)
        except ZooError as error:
            if alone:
                raise
            code = code or error.exit_code
            told = {k: v and without_passwords(v) for k, v in error.as_dict().items()}
            rows.append({"file": name, "error": told})
            if not as_json or debug:
                show(error, debug, as_json=False)
            continue
        each.append(found)
        rows.append(plain(found))
        if not as_json:
            print_one(found)
    if as_json:
        print_json(rows[0] if alone else rows)
    return each, code

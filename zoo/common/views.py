"""How notebooks show records: HTML that a room above the record's own draws."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from functools import singledispatch

from zoo.common.shown_text import printable, without_passwords


@singledispatch
def html_of(record: object) -> str | None:
    """The record as an HTML element; None where nothing draws records of its type."""
    return None


class Viewed:
    """Base of records that `html_of` draws in a notebook."""

    def _repr_html_(self) -> str | None:
        return html_of(self)


def escaped(text: str) -> str:
    """Text of others as it may stand in HTML."""
    return html.escape(printable(without_passwords(text)))


def html_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()
) -> str:
    """A table with what stands above and below it; all text is escaped here."""
    head = "".join(f"<th>{escaped(heading)}</th>" for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    below = "".join(f"<div>{escaped(note)}</div>" for note in notes)
    return f"<div><div><b>{escaped(title)}</b></div>{table}{below}</div>"

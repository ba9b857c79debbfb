"""Text of others on its way to people: without what steers a terminal, and without passwords."""

from __future__ import annotations

import re

#: ``scheme://user:password@``; a password may hold anything but white space and quotes.
_PASSWORD = re.compile(r"(\b[\w+.-]+://[^\s/:@'\"]*:)([^\s'\"]+)(?=@)")
_PASSWORD_KEY = re.compile(r"([?&](?:password|sslpassword|passwd|pwd)=)[^\s&'\"]+", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """The text with each password of an address as ``***``."""
    return _PASSWORD_KEY.sub(r"\1***", _PASSWORD.sub(r"\1***", text))


def printable(text: str) -> str:
    """One line, each letter that would steer a terminal as its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """The same of several lines."""
    return "\n".join(printable(line) for line in text.split("\n"))

"""Text of others on its way to people: without what steers a terminal, and without passwords."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

#: Longer values are not shown to people whole.
_LONGEST = 120
#: ``scheme://user:password@``; a password may hold anything but white space and quotes.
_PASSWORD = re.compile(r"(\b[\w+.-]+://[^\s/:@'\"]*:)([^\s'\"]+)(?=@)")
_PASSWORD_KEY = re.compile(
    r"([?&](?:password|sslpassword|passwd|pwd|(?:\w+[_-])?(?:token|secret|key|signature|credential)"
    r"|apikey|sig|x-amz-[a-z-]+)=)(?<![?&]signature=)[^\s&'\"]+",
    re.IGNORECASE,
)
#: Of an address; elsewhere, short ones are names (of a SavedModel's functions).
_SIGNATURE = re.compile(r"(://[^\s'\"]*[?&]signature=)[^\s&'\"]+", re.IGNORECASE)
_LONG_SIGNATURE = re.compile(
    r"([?&]signature=)(?![A-Za-z_]\w{0,23}(?![^\s&'\"]))[^\s&'\"]+", re.IGNORECASE
)
#: A token alone in front of a web server's name.
_TOKEN = re.compile(r"(\bhttps?://)[^\s/:@'\"]+(?=@)", re.IGNORECASE)
#: In a header, and by the forms of large hosts' access tokens.
_BEARER = re.compile(r"(\bauthorization: *\w+ +|\bbearer +(?=\S*\d))[\w.~+/=-]{16,}", re.IGNORECASE)
_KNOWN = re.compile(r"\b(hf_|gh[opsu]_|github_pat_|glpat-)[\w-]{16,}")
#: Letters and marks that are drawn as nothing (Unicode's Default_Ignorable_Code_Point): names that
#: differ in them alone look the same, and whole texts hide in them.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINER, _NON_JOINER = "\u200d", "\u200c"
#: Asks for a sign's drawing in black, or in colours.
_DRAWINGS = "\ufe0e\ufe0f"
#: Canonical combining class of the signs that suppress a vowel in the scripts of India.
_VIRAMA = 9


def without_passwords(text: str) -> str:
    """The text with each password and access token of an address as ``***``."""
    for secret in (_PASSWORD, _PASSWORD_KEY, _SIGNATURE, _LONG_SIGNATURE, _TOKEN, _BEARER, _KNOWN):
        text = secret.sub(r"\1***", text)
    return text


def printable(text: str) -> str:
    """One line, each character that acts or hides instead of being seen as its escape.

    Those are control characters, line breaks, undecodable bytes, what turns the direction of text,
    and what has no width. Joiners stay where scripts and emoji need them.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _is_seen(text, i) else _escape(c) for i, c in enumerate(text))


def printable_lines(text: str) -> str:
    """The same of several lines, which may hold tabulators."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def some_of(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are: ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def columns(text: str) -> int:
    """Columns of a terminal that printable text takes: 2 for each wide letter, 0 for a mark."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else unicodedata.category(c) not in _WIDTHLESS
        for c in text
    )


_WIDTHLESS = ("Mn", "Me", "Cf")


def other_encoding(otherwise: str) -> str:
    """What to do about a name that is not UTF-8: the locale may be what makes it so.

    Args:
        otherwise: Where names are read as UTF-8 here.
    """
    own = sys.getfilesystemencoding()
    if own.lower() == "utf-8":
        return otherwise
    return f"set LC_ALL=C.UTF-8 and try again: file names are decoded as {own} in this locale"


def is_utf8(name: str) -> bool:
    """False for the name of a file or folder in another encoding, as Python has it.

    Recipes, manifests and most libraries take UTF-8 alone.
    """
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_seen(text: str, index: int) -> bool:
    letter = text[index]
    before, after = text[index - 1 : index] if index else "", text[index + 1 : index + 2]
    if letter in _DRAWINGS:
        return bool(before) and (unicodedata.category(before) in ("So", "Sm") or before in "#*©®")
    if letter in (_JOINER, _NON_JOINER):
        return _joins(letter, before, after)
    if unicodedata.category(letter) == "Zs":  # blanks of any width
        return True
    return letter.isprintable() and not _UNSEEN.match(letter)


def _joins(letter: str, before: str, after: str) -> bool:
    """As names of internet hosts may hold joiners (RFC 5892, appendix A), and in emoji."""
    if not before or not after:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if letter == _NON_JOINER:
        return unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
    signs = ("So", "Sk")  # the latter: tones of skin
    drawn = before in _DRAWINGS or unicodedata.category(before) in signs
    return (drawn and unicodedata.category(after) in signs) or (after in "♀♂" and drawn)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def abridged(text: str) -> str:
    """A text as it is; of one of pages, such as tables, its length and what tells it apart."""
    if len(text) <= _LONGEST:
        return text
    return f"of {len(text):,} characters, SHA-256 {sha256(text.encode()).hexdigest()[:12]}"

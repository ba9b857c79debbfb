"""Classes of characters, and how a text is cut into tokens by them: a table that programs share.

Python's own Unicode database fills the table; a bundle holds it as ``characters.txt``, so that
programs in any language cut as the training did, whatever their platform knows of Unicode.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from unicodedata import unidata_version

#: How texts are cut: ``unicode``, or as edgezoo did before it knew scripts without blanks.
TextRule = Literal["unicode", "plain"]
#: Class → what it holds, as ``characters.txt`` explains it.
CLASSES: Mapping[str, str] = {
    "I": "characters that nobody sees: left out",
    "B": "blanks and controls",
    "W": "letters and numbers of scripts that put blanks between words",
    "U": "letters of scripts without blanks",
    "M": "signs that belong to the character before them",
    "J": "apostrophes and hyphens, which may stand inside a word",
    "Z": "the zero width joiner",
    "R": "regional indicators, two of which are a flag",
    "S": "all others",
}
#: Scripts that are written without blanks between words, or with a character for a syllable.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3006),  # ideographic iteration and closing marks
    (0x303B, 0x303C),
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0xA4CF),  # Chinese characters, Yi
    (0xA980, 0xA9DF),  # Javanese
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF),  # Burmese, Tai Viet
    (0xF900, 0xFAFF),  # Chinese characters
    (0x11700, 0x1174F),  # Ahom
    (0x16FE0, 0x18D8F),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana, Nushu
    (0x20000, 0x3FFFD),  # Chinese characters
)
#: Characters that nobody sees (Default_Ignorable_Code_Point), but for the joiner, the space of
#: no width, and the tags of flags.
_UNSEEN = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200C, 0x200C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F)),
    *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE001F), (0xE0080, 0xE0FFF)),
)
#: What keyboards write for the apostrophe and the hyphen.
_FORMS = {0x2019: "'", 0x2010: "-", 0x2011: "-"}
_CLASS_OF = {
    **{code: "I" for first, last in _UNSEEN for code in range(first, last + 1)},
    **dict.fromkeys(map(ord, "'-\u00b7\u05f3\u05f4"), "J"),
    0x200B: "B",
    0x200D: "Z",
    # Vowels that follow their letter, though Unicode calls them letters.
    **dict.fromkeys((0x0E33, 0x0EB3), "M"),
    **dict.fromkeys(range(0x1F1E6, 0x1F200), "R"),
    # Tones of skin, and the tags of flags.
    **dict.fromkeys((*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)), "M"),
}
#: Behind these, no character has a class of its own but the tags and private ones.
_LAST = 0x3FFFF


@dataclass(frozen=True, kw_only=True)
class CharacterTable:
    """What a rule knows of characters.

    Attributes:
        forms: Code point → what stands for it before all else; an empty text leaves it out.
        normal: Whether texts, then tokens, are brought into normal form C.
        ranges: First and last code point, and class; what is in none has class ``S``.
    """

    forms: Mapping[int, str]
    normal: bool
    ranges: tuple[tuple[int, int, str], ...]

    def characters(self, *classes: str) -> str:
        """The ranges of some classes, as they stand within brackets of a regular expression."""
        return "".join(
            f"{re.escape(chr(first))}-{re.escape(chr(last))}"
            for first, last, one in self.ranges
            if one in classes
        )

    def lines(self, *, folded: bool) -> Iterator[str]:
        """``characters.txt``: how texts are cut, then the table.

        Args:
            folded: Whether capitals are folded.
        """
        yield from (f"# {line}".rstrip() for line in _manual())
        if self.normal:
            yield "N C"
        forms = sorted(self.forms.items())
        yield from (f"F {code:04X} {ord(usual):04X}" for code, usual in forms if usual)
        yield from (f"{one} {first:04X} {last:04X}" for first, last, one in self.ranges)
        if folded:
            yield from _foldings()
        if self.normal:
            yield from _normal_form()


@lru_cache
def table_of(rule: TextRule) -> CharacterTable:
    """The characters of a rule, by this Python's Unicode database."""
    if rule == "plain":
        joiners = {ord(one): "J" for one in "'’-"}
        classes = (joiners.get(code) or _plain_class(chr(code)) for code in range(_LAST + 1))
        return CharacterTable(forms={}, normal=False, ranges=tuple(_ranges(enumerate(classes))))
    codes = [*range(_LAST + 1), *range(0xE0000, 0xE1000)]
    unspaced = {code for first, last in _UNSPACED for code in range(first, last + 1)}
    classes = (_CLASS_OF.get(code) or _class(chr(code), code in unspaced) for code in codes)
    ranges = tuple(_ranges(zip(codes, classes, strict=True)))
    return CharacterTable(forms=_forms(), normal=True, ranges=ranges)


def _class(character: str, unspaced: bool) -> str:
    category = unicodedata.category(character)
    if category[0] == "L" or (unspaced and category == "Cn"):
        return "U" if unspaced else "W"
    if category[0] == "N" or character == "_":
        return "W"
    return {"M": "M", "Z": "B"}.get(category[0], "B" if category == "Cc" else "S")


def _plain_class(character: str) -> str:
    if character.isspace():
        return "B"
    return "W" if character.isalnum() or character == "_" else "S"


def _forms() -> dict[int, str]:
    forms = {code: "" for code, one in _CLASS_OF.items() if one == "I"}
    for code in range(0xFF00, 0xFFF0):
        width, _, usual = unicodedata.decomposition(chr(code)).partition(" ")
        if width in ("<wide>", "<narrow>") and code not in forms:
            forms[code] = chr(int(usual, 16))
    return {**forms, **_FORMS}


def _ranges(classes: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    first = last = -1
    held = "S"
    for code, one in classes:
        if one == held and code == last + 1:
            last = code
            continue
        if held != "S":
            yield first, last, held
        first, last, held = code, code, one
    if held != "S":
        yield first, last, held


def _foldings() -> Iterator[str]:
    for code in range(_LAST + 1):
        folded = chr(code).casefold()
        if folded != chr(code):
            yield " ".join((f"L {code:04X}", *(f"{ord(one):04X}" for one in folded)))


def _normal_form() -> Iterator[str]:
    """Combining classes, and decompositions: ``D`` of those that composition makes again."""
    classes = ((c, str(unicodedata.combining(chr(c)))) for c in range(_LAST + 1))
    ranges = _ranges((code, one if one != "0" else "S") for code, one in classes)
    yield from (f"C {first:04X} {last:04X} {int(one):X}" for first, last, one in ranges)
    for code in range(_LAST + 1):
        parts = unicodedata.decomposition(chr(code))
        if parts and not parts.startswith("<"):
            kept = unicodedata.normalize("NFC", chr(code)) == chr(code)
            yield f"{'D' if kept else 'X'} {code:04X} {parts}"


def _manual() -> Iterator[str]:
    yield f"How texts are cut into tokens, by classes of characters (Unicode {unidata_version})."
    yield "Numbers are code points in hexadecimal; a line 'W 0030 0039' gives a range its class."
    yield ""
    yield from (f"{name}: {what}" for name, what in CLASSES.items())
    yield ""
    yield "1. Leave out I, and replace a character that has a line 'F' by the one behind it there."
    yield "   If there is a line 'N C', bring the text into normal form C (NFC)."
    yield "2. From left to right, skip B and Z. Any other character begins a token."
    yield "   W: more of W and M belong to it, and J between two of them; a Z inside is left out."
    yield "   U: each M behind it belongs to it; a Z there is left out."
    yield "   R: one R behind it belongs to it, then each M."
    yield "   S, J, M: each M behind it belongs to it, and a Z with the S that follows, and so on."
    yield "3. In each token replace a character that has a line 'L' by those behind it there: full"
    yield "   case folding. There are such lines if the network does not tell capitals apart."
    yield "   If there is a line 'N C', bring each token into normal form C."
    yield "4. The number of a token is that of its line in vocabulary.txt, the first being 2; 1 for"
    yield "   others. Longer texts are cut at the end, shorter ones padded with 0."
    yield ""
    yield "For platforms without normal form C: 'C first last N' gives combining classes, 'D' and"
    yield "'X' canonical decompositions; pairs of 'D' are composed again. Hangul is computed."

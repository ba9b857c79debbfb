"""Texts that are easy to cut wrong: several scripts, forms of the same character, emoji."""

# ruff: noqa: RUF001

from __future__ import annotations

import random
import sys
import unicodedata

_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
_GERMANY, _FRANCE = "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"
_ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

#: Text → its tokens by the rule ``unicode``, capitals folded.
ODD_TEXTS = {
    "It's a state-of-the-art 3.14 _x!": "it's a state-of-the-art 3 . 14 _x !",
    # Accents, composed or not, and signs that no composed letter has.
    "Cafe\u0301 caf\u00e9 q\u0308 e\u0323\u0302": "café café q\u0308 ệ",
    "यह खाना बहुत अच्छा है।": "यह खाना बहुत अच्छा है ।",
    "كِتَابٌ جميل": "كِتَابٌ جميل",
    "שָׁלוֹם צה״ל": unicodedata.normalize("NFC", "שָׁלוֹם צה״ל"),
    # Scripts without blanks.
    "今天的饭非常好。": "今 天 的 饭 非 常 好 。",
    "日本語のガ、コーヒー": "日 本 語 の ガ 、 コ ー ヒ ー",
    "か\u3099が": "が が",
    "อร่อยมากน้ำ": "อ ร่ อ ย ม า ก น้ำ",
    "ភាសាខ្មែរ": "ភា សា ខ្ មែ រ",
    "ພາສາລາວ": "ພ າ ສ າ ລ າ ວ",
    "မြန်မာ": "မြ န် မာ",
    "iPhone手机2024年二〇年": "iphone 手 机 2024 年 二 〇 年",
    "\U00020000\U0002f800": "\U00020000 丽",
    "한국어 \u1112\u1161\u11ab": "한국어 한",
    "བོད་ཡིག": "བོད ་ ཡིག",
    # Emoji of several characters.
    f"{_FAMILY}\U0001f44d\U0001f3fd": f"{_FAMILY} \U0001f44d\U0001f3fd",
    f"{_GERMANY}{_FRANCE}{_GERMANY[0]}": f"{_GERMANY} {_FRANCE} {_GERMANY[0]}",
    "1\ufe0f\u20e3 \u2764\ufe0f\u200d\U0001f525!": "1\u20e3 \u2764\u200d\U0001f525 !",
    f"so{_ENGLAND}so": f"so {_ENGLAND} so",
    # A sign that may not be composed past another, and pictures joined to a hyphen.
    "e\u0305\u0301 -\u200d\u2764": "e\u0305\u0301 -\u200d\u2764",
    # Case folding without a language.
    "Straße ΟΔΟΣ οδός": "strasse οδοσ οδόσ",
    "İstanbul IŞIK ışık": "i\u0307stanbul işik ışık",
    "\u1fb3\u0301 \u1fb4 \u0345": "\u03ac\u03b9 \u03ac\u03b9 \u03b9",
    # Digits of other scripts stay their own.
    "१२३ ٣٤ ๒๕ ½ Ⅷ": "१२३ ٣٤ ๒๕ ½ ⅷ",
    # Forms of the same character.
    "ＡＢＣ！１２ ｶﾞ ｱ": "abc ! 12 ガ ア",
    "don’t co‐op co‑op": "don't co-op co-op",
    "col·lecció l'eau' -x-": "col·lecció l'eau ' - x -",
    # What nobody sees.
    "so\u00adft \ufeffb\u2060c \u202bab\u202c \u200ex\u200f": "soft bc ab x",
    "می\u200cخواهم ක්\u200dෂ": "میخواهم ක්ෂ",
    "a\u200bb\x07c\x1f\u2028d\u3000e\xa0f": "a b c d e f",
    # Signs without a letter, and what is no character at all.
    "\u0301x \u200d\u200dy \ue000\u0301 \u0378": "\u0301 x y \ue000\u0301 \u0378",
    "\u200d \ufe0f\t": "",
}


def random_texts(count: int) -> list[str]:
    """Short texts of characters of any kind, of which many act upon their neighbours."""
    drawn = random.Random(7)
    every = [c for c in map(chr, range(32, sys.maxunicode)) if unicodedata.category(c) != "Cs"]
    acting = [c for c in every if unicodedata.combining(c) or unicodedata.decomposition(c)]
    common = sorted({c for text in ODD_TEXTS for c in unicodedata.normalize("NFD", text)})
    pools = (every[:5000], every, acting, common, common)
    return [
        "".join(drawn.choice(drawn.choice(pools)) for _ in range(drawn.randint(1, 8)))
        for _ in range(count)
    ]

"""What names of folders and classes mean: splits, folders of a system, spellings of one name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from zoo.common.shown_text import printable

_SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "validating", "validate", "valid", "val", "development", "dev"),
    "test": ("test", "testing", "tests", "tst", "holdout", "heldout"),
}
#: The same in other languages that datasets come in.
_SPLITS["train"] += (
    *("训练", "訓練", "学習", "훈련", "학습", "entrenamiento", "entraînement", "entrainement"),
    *("apprentissage", "treino", "treinamento", "addestramento", "обучение", "обучающая", "eğitim"),
)
_SPLITS["validation"] += (
    *("验证", "驗證", "検証", "검증", "validierung", "validación", "validacion", "validação"),
    *("validacao", "validazione", "валидация", "проверка", "проверочная", "doğrulama"),
)
_SPLITS["test"] += (
    *("测试", "測試", "テスト", "테스트", "시험", "prueba", "pruebas", "teste", "testes", "prova"),
    *("тест", "тестовая"),
)
_SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}
#: Words for a split that some tools write for validation, others for test.
_DOUBTFUL = frozenset({"eval", "evaluation", "evaluate"})
_FILLERS: tuple[str, ...] = ("dataset", "data", "set", "split", "images", "image", "imgs", "img")
_FILLERS += ("pictures", "photos", "samples", "examples", "folder", "seg")
_FILLERS += ("daten", "sdaten", "datensatz", "sdatensatz", "bilder", "sbilder", "выборка", "данные")
_FILLERS += ("集", "数据", "数据集", "資料", "データ", "用データ", "データセット", "데이터", "세트")
_WORD = re.compile(rf"({'|'.join((*_SPLIT_OF, *_DOUBTFUL))})(?:{'|'.join(_FILLERS)})?")
_FOLD = re.compile(r"(?:cv|k)?[ _.-]?fold[ _.-]?\d+")
#: Folders that archivers, servers and editors make beside one's own; in lower case.
_OF_SYSTEMS = frozenset(
    {
        "__macosx",
        "@eadir",
        "@tmp",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",
        "__pycache__",
        "thumbs.db",
        "desktop.ini",
    }
)


def of_a_system(name: str) -> bool:
    """Whether a file or folder was made by an archiver, a server or an editor."""
    return name.lower() in _OF_SYSTEMS


def plain(name: str) -> str:
    """A name in its one spelling: NFC, whatever form a file system or an archiver left."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """What spellings of one name share: case, accents' forms, width and blanks are dropped.

    The dotless and the dotted i of Turkish capitals are the same here as any other.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    # Capital I with a dot becomes an i with a dot of its own.
    return " ".join(
        text.replace("i\N{COMBINING DOT ABOVE}", "i")
        .replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
        .split()
    )


def split_of(name: str) -> str | None:
    """``train``, ``validation`` or ``test``; ``?`` where it may be either of the latter two.

    Understood: other words and cases (``Training``, ``VALID``), numbers and signs around them
    (``01_train``, ``train2017``), and words for what lies inside (``test_set``, ``train-images``).
    None when the name means no split.
    """
    words = re.findall(r"[^\W\d_]+", folded(name))
    words = [word for word in words if word not in _FILLERS] if len(words) > 1 else words
    match = _WORD.fullmatch("".join(words)) if words else None
    if match is None or (len(words) > 1 and "".join(words) not in _SPLIT_OF):
        return None
    return _SPLIT_OF.get(match[1], "?")


def split_of_any(names: Iterable[str]) -> str | None:
    """The split of the first name that means one; one that may be either is ``validation``."""
    found = next((split for name in names if (split := split_of(name))), None)
    return "validation" if found == "?" else found


def a_fold(name: str) -> bool:
    """Whether a folder is one of several parts for cross-validation: ``fold1``."""
    return _FOLD.fullmatch(folded(name)) is not None


def lookalike_notes(names: Iterable[str], kind: str = "classes") -> list[str]:
    """A note for each group of different names of a `kind` that may be meant as one name."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(folded(name), []).append(name)
    return [
        f"different {kind} whose names look alike: {printable(', '.join(map(repr, own)))}"
        for own in groups.values()
        if len(own) > 1
    ]

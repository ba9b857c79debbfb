"""A dataset's name in its parts, the tag of what is learnt from it, and its place on disk."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from zoo.common.paths import expanded
from zoo.contracts.dataset import name_and_argument
from zoo.registry import Registry

#: Letters of a tag that options may have; longer ones are cut, and told apart by a hash.
_LONGEST = 32
#: A name that reads like another one's options, or like the hash of them.
_LIKE_OPTIONS = r"-[a-z]+_|-[0-9a-f]{6}$"


@dataclass(frozen=True, kw_only=True)
class DatasetName:
    """A dataset's name in its parts.

    Attributes:
        provider: What stands before the colon.
        path: Path or name behind it, as typed; empty where nothing follows.
        options: Keys and values, sorted; those that only repeat a default are left out.
    """

    provider: str
    path: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def resolved(self, folder: Path) -> DatasetName:
        """With the absolute path of what is there, from wherever it is named.

        Args:
            folder: Where a relative path begins.
        """
        path = self.path.rstrip("/")
        try:
            found = (folder / expanded(self.path)).resolve()
            path = str(found) if self.path and found.exists() else path
        except (OSError, ValueError, RuntimeError):  # a file's text, perhaps no path at all
            pass
        return replace(self, path=path)

    def seen_from(self, folder: Path) -> DatasetName:
        """With the path from `folder` to what is there now, which survives a move of both."""
        found = self.resolved(Path.cwd()).path
        if not Path(found).is_absolute():
            return self
        return replace(self, path=os.path.relpath(found, folder.resolve()))

    def __str__(self) -> str:
        options = f"?{_query(self.options)}" if self.options or "?" in self.path else ""
        return f"{self.provider}{':' if self.path else ''}{self.path}{options}"


def dataset_name(registry: Registry, data: str) -> DatasetName:
    """Takes a dataset's name apart; also one that nothing provides.

    What follows the last question mark are options, unless that is the whole of what follows a
    colon, or no ``KEY=VALUE``.
    """
    provider, argument = name_and_argument(data)
    path, mark, text = (argument or "").rpartition("?")
    pairs = [part.partition("=") for part in text.split("&")] if text else []
    direct = data[len(provider) :].startswith("?")  # options of a dataset without an argument
    if not (path or direct) or not mark or not all(equals for _, equals, _ in pairs):
        return DatasetName(provider=provider, path=argument or "")
    options = {unquote(key): unquote(value) for key, _, value in pairs}
    found = next((one for one in registry.datasets if one.name == provider), None)
    meant = {} if found is None or found.defaults is None else found.defaults(options)
    kept = sorted(pair for pair in options.items() if meant.get(pair[0]) != pair[1])
    return DatasetName(provider=provider, path=path, options=tuple(kept))


def tag_of(registry: Registry, data: str) -> str:
    """The weights' tag for a dataset: its name, or the last part of its path, and its options.

    Of the current folder and those above it that is their own name. It is in ASCII: accents are
    left out. Where a name or an option loses more, or could be read in two ways, a hash ends the
    tag, so that what is learnt from other data has another tag.
    """
    name = dataset_name(registry, data)
    text = Path(name.path.rstrip("/")).stem if name.path else name.provider
    if not text.strip("."):  # the current folder, or one above it
        text = Path(name.path).resolve().name
    whole = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(character for character in whole if not unicodedata.combining(character))
    tag = _letters(plain) or name.provider
    if not plain.isascii() or re.search(_LIKE_OPTIONS, tag):
        tag = f"{tag}-{_digest(whole)}"
    return f"{tag}-{_options_tag(name.options)}" if name.options else tag


def _options_tag(options: tuple[tuple[str, str], ...]) -> str:
    """Short and readable; other options have another."""
    text = "-".join(f"{key}_{value}" for key, value in options)
    short = _letters(text.lower())[:_LONGEST].strip("_-")
    clear = all(re.fullmatch("[a-z]+", key) and "-" not in value for key, value in options)
    if clear and short == text:
        return short
    digest = _digest(_query(options))
    return f"{short}-{digest}" if short else digest


def _query(options: tuple[tuple[str, str], ...]) -> str:
    pairs = ((quote(part, errors="surrogatepass") for part in pair) for pair in options)
    return "&".join("=".join(pair) for pair in pairs)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", text).strip("_")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]

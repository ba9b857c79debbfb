"""Which files of the repository are pages of the site, and where links between them lead.

A link in a page of the repository leads to a file beside it, as GitHub shows it. On the site a link
to a page leads to that page; one to another file of the repository leads into the repository, or is
plain text while ``[project.urls]`` of pyproject.toml names none. A link to nothing is an error.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Pages outside of docs/, and what each is called on the site.
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
}
#: A block of code, or code within a line: nothing in it is a link.
_CODE = re.compile(r"(^ *```.*?^ *```$|(`+)(?!`).*?(?<!`)\2(?!`))", re.DOTALL | re.MULTILINE)
#: A link whose target is no address, nor a heading of the page itself.
_RELATIVE = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


class BrokenLink(Exception):
    """A link of a page to a file that is not there."""


def sources(root: Path = ROOT) -> dict[str, str]:
    """File of the repository → page of the site."""
    guides = sorted((root / "docs").glob("*.md"))
    return {**OUTSIDE, **{f"docs/{page.name}": page.name for page in guides}}


def repository(root: Path = ROOT) -> str | None:
    """Address of the repository's files, without the path of one."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository")
    return None if address is None else f"{address.rstrip('/')}/blob/v{project['version']}"


def pages(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Each page of the site with its text.

    Raises:
        BrokenLink: A page links to a file that is not there.
    """
    known, address = sources(root), repository(root)
    for source, page in known.items():
        text = (root / source).read_text(encoding="utf-8")
        yield page, relinked(text, source, known, root, address)


def relinked(
    text: str, source: str, known: Mapping[str, str], root: Path, address: str | None
) -> str:
    """The text with each link to a file leading to where it is on the site."""
    replace = partial(_link, source=source, known=known, root=root, address=address)
    # Links whose words are code would be cut in two by a split at code.
    kept: list[str] = []

    def keep(code: re.Match[str]) -> str:
        kept.append(code[0])
        return f"\0{len(kept) - 1}\0"

    linked = _RELATIVE.sub(replace, _CODE.sub(keep, text))
    return re.sub("\0([0-9]+)\0", lambda number: kept[int(number[1])], linked)


def _link(
    link: re.Match[str],
    source: str,
    known: Mapping[str, str],
    root: Path,
    address: str | None,
) -> str:
    words, target, anchor = link[1], link[2], link[3] or ""
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if file in known:
        return f"[{words}]({known[file]}{anchor})"
    if file.startswith("../") or not (root / file).exists():
        raise BrokenLink(f"{source} links to {target}, which is not there")
    return words if address is None else f"[{words}]({address}/{file}{anchor})"

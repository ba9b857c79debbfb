"""Blocks of the documents that show commands as they are typed, and what they print.

A block is a fence whose first line begins with ``$ ``. A command goes on over lines where the
shell reads on: after a backslash, in quotes, in a here-document. A fence of Python or TOML whose
first line is ``# NAME.py`` or ``# NAME.toml`` is a file that the reader saves under that name.

Comments of a page say what is parsed alone, and why (a network, a device, minutes of training,
files of the reader's): ``<!-- not run: REASON -->`` before a block,
``<!-- no block is run: REASON -->`` anywhere. Every other block is run, in an empty folder, in
order, and what it prints is compared.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    )
)
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]+?) -->\n\n?)?"
    r"(?:^<!-- begin \w+ -->\n)?"
    r"^```(?:console)?\n(?P<body>\$ .*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_FILE = re.compile(
    r"^```(?:python|toml)\n# (?P<name>[\w-]+\.(?:py|toml))\n.*?^```$", re.DOTALL | re.MULTILINE
)
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_BETWEEN = frozenset({"|", "&&", "||", ";", "(", ")", "&"})


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is typed, and the lines below it."""

    typed: str
    printed: tuple[str, ...]

    def programs(self) -> list[list[str]]:
        """The words of each program that it starts, without redirections."""
        found: list[list[str]] = [[]]
        typed = _HERE.split(self.typed)[0].replace("\\\n", " ")
        lexer = shlex.shlex(typed, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        for word in lexer:
            if word in _BETWEEN:
                found.append([])
            elif word[0] in "<>":
                found[-1].append(">")
            else:
                found[-1].append(word)
        return [_plain(words) for words in found if words]


def _plain(words: list[str]) -> list[str]:
    """A program's words without what goes to and comes from files."""
    if ">" not in words:
        return words
    place = words.index(">")
    before = words[:place]
    # In `2>&1` the number is no word of the program.
    return before[:-1] if before[-1:] == ["2"] else before


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of one page."""

    page: str
    line: int
    reason: str | None  # why it is not run
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return f"{self.page}:{self.line}"


def blocks(page: str, text: str | None = None) -> list[Block]:
    """The blocks of a page, in order.

    Args:
        page: Its path in the repository.
        text: What it holds; None reads it.
    """
    text = (ROOT / page).read_text(encoding="utf-8") if text is None else text
    whole = re.search(r"^<!-- no block is run: ([^>]+?) -->$", text, re.MULTILINE)
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start("body")) + 1,
            reason=found["reason"] or (whole and whole[1]),
            commands=tuple(commands(found["body"])),
        )
        for found in _BLOCK.finditer(text)
    ]


def files(page: str) -> dict[str, str]:
    """The files that a page has the reader save: name → content."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return {
        found["name"]: found[0].partition("\n")[2].removesuffix("```")
        for found in _FILE.finditer(text)
    }


def commands(body: str) -> list[Command]:
    """The commands of a block."""
    found: list[tuple[str, list[str]]] = []
    open_command = False
    for line in body.splitlines():
        if open_command:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
            continue
        open_command = reads_on(found[-1][0])
    if open_command:
        raise ValueError(f"the command does not end: {found[-1][0]}")
    return [Command(typed=typed, printed=tuple(printed)) for typed, printed in found]


def reads_on(typed: str) -> bool:
    """Whether a shell would wait for another line."""
    here = _HERE.search(typed)
    if here is not None:
        return here[2] not in typed.split("\n")[1:]
    if typed.endswith("\\"):
        return True
    try:
        shlex.split(typed, comments=True)
    except ValueError:
        return True
    return False

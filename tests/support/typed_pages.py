"""Blocks of documents typed into a shell, and what is printed compared with what is shown.

What may differ from the page: figures with decimals and per cent by a tenth or half a point,
whole numbers from a hundred on by 2 %, times by anything (a figure with a unit of time, a column
whose head has one), hexadecimal digits, and remarks on how quiet the machine was and on which file
was faster there. A line ``…`` stands for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from consoles import Block, Command

_MARK = "--- typed "
_NUMBER = re.compile(r"[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_HEX = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b|\b\d{8,}\b")
_TIME = re.compile(r"[\d.,]+ ?(?:ns|µs|us|ms|s|examples/s)\b")
_TIMED = re.compile(r"\b(?:µs|ms|p50)\b")
#: Of how quiet the machine was, and of which file was faster on it.
_STATE = re.compile(r"nois|not quiet|(?:slower|faster) than|which is faster")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A command that was run."""

    command: Command
    out: tuple[str, ...]
    err: tuple[str, ...]

    def differences(self) -> list[str]:
        """How what it prints differs from the page, which shows one stream or both."""
        shown = self.command.printed
        if not shown:
            return []
        both = (self.err + self.out, self.out + self.err)
        streams = [got for got in (self.out, self.err, *both) if got]
        return min((differences(shown, got) for got in streams or [()]), key=len)


def type_blocks(
    blocks: Sequence[Block], folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Block, Typed]]:
    """Types all commands of blocks into one shell."""
    commands = [(block, command) for block in blocks for command in block.commands]
    script = "".join(
        # What the next command may ask for by $? is left as it was.
        f"code=$?; echo; echo '{_MARK}{i}' | tee /dev/stderr; (exit $code)\n{command.typed}\n"
        for i, (_, command) in enumerate(commands)
    )
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    # Pages are written by somebody whose folder is this one.
    out, err = (
        _parts(text.replace(str(folder), "/home/me")) for text in (done.stdout, done.stderr)
    )
    for i, (block, command) in enumerate(commands):
        yield block, Typed(command=command, out=out.get(i, ()), err=err.get(i, ()))


def _parts(text: str) -> dict[int, tuple[str, ...]]:
    parts = re.split(rf"^{_MARK}(\d+)\n", text, flags=re.MULTILINE)
    return {
        int(number): tuple(part.strip("\n").split("\n")) if part.strip() else ()
        for number, part in zip(parts[1::2], parts[2::2], strict=True)
    }


def differences(shown: Sequence[str], got: Sequence[str]) -> list[str]:
    """Lines of the page and of the program that are not alike; … stands for any lines."""
    one, two = ([line for line in lines if not _STATE.search(line)] for lines in (shown, got))
    found: list[str] = []
    timed: list[int] = []
    parts = _between(one)
    if len(parts) > 1:
        return _in_order(parts, two)
    for expected, line in zip_longest(_trimmed(one), _trimmed(two)):
        if expected is None or line is None:
            found.append(f"page: {expected}\nhere: {line}")
            continue
        timed = _times_under(expected) or timed
        if not alike(expected, line, timed):
            found.append(f"page: {expected}\nhere: {line}")
    return found


def _between(lines: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == "…":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _in_order(parts: Sequence[Sequence[str]], got: Sequence[str]) -> list[str]:
    place, found = 0, []
    timed: list[int] = []
    for line in (line for part in parts for line in part if line.strip()):
        timed = _times_under(line) or timed
        after = next((i for i in range(place, len(got)) if alike(line, got[i], timed)), None)
        if after is None:
            found.append(f"page: {line}\nhere: no such line")
        else:
            place = after + 1
    return found


def _times_under(head: str) -> list[int]:
    """Columns of a table's head whose figures are times; none of another line."""
    cells = _cells(head)
    return [i for i, cell in enumerate(cells) if _TIMED.search(cell)] if len(cells) > 2 else []


def _trimmed(lines: Sequence[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n")


def _cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def alike(shown: str, got: str, timed: Sequence[int]) -> bool:
    """Whether a line is as the page shows it, within the tolerances."""
    cells = [_cells(line) for line in (shown, got)]
    if timed and len(cells[0]) == len(cells[1]) > max(timed):
        for row in cells:
            for i in timed:
                row[i] = "T"
    one, two = (_TIME.sub("T", _HEX.sub("H", "  ".join(row).replace("~", ""))) for row in cells)
    if _NUMBER.sub("0", one) != _NUMBER.sub("0", two):
        return False
    return all(
        _close(a[0], b[0], one[a.end() :])
        for a, b in zip(_NUMBER.finditer(one), _NUMBER.finditer(two), strict=True)
    )


def _close(shown: str, got: str, after: str) -> bool:
    one, two = (float(text.replace("−", "-").replace(",", "")) for text in (shown, got))
    apart = abs(one - two)
    if "." in shown + got or after.startswith(("%", " %", " points")):
        return apart <= max(0.5, 0.1 * abs(one))
    return apart <= (0.02 * abs(one) if abs(one) >= 100 else 0.0)

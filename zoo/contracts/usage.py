"""Code that shows how a file is used: what a format adds to the folder for app developers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class UsageRequest:
    """What a format gets to write its programs from.

    Attributes:
        model: The file, inside the folder.
        facts: The content of ``metadata.json``.
        operators: Operators of the file and how often each stands in it.
        target: Name of the processor that the file is for; empty when nobody said.
    """

    model: Path
    facts: Mapping[str, Any]
    operators: Mapping[str, int]
    target: str


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that runs the golden inputs and compares.

    Attributes:
        language: ``Python``.
        file: Its path in the folder.
        needs: What must be installed, as words or as a command.
        run: How to run it from the folder, as one would type it.
        modules: Modules that this Python must have for `arguments` to work; a program that no
            Python can run has none.
        arguments: For this Python, from the folder.
        checked: What was done to know that the program works, in a sentence; shown for a program
            that is not run while the folder is made.
    """

    language: str
    file: str
    needs: str
    run: str
    checked: str
    modules: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a format adds to the folder.

    Attributes:
        files: Path in the folder → content.
        programs: Those among them that run the golden inputs.
        notes: Paragraphs for the folder's README, in Markdown.
    """

    files: Mapping[str, str]
    programs: tuple[Program, ...] = ()
    notes: tuple[str, ...] = ()

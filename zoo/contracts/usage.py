"""Usage code: programs that a format adds to the folder for app developers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Arena:
    """The memory that a microcontroller's interpreter allocates for a file, and its outputs.

    Attributes:
        bytes: Size of the tensor arena; None when it cannot run the file.
        version: Of the interpreter.
        outputs: Of the inputs, as the file gives them, (inputs, values); None likewise.
        problem: Why it cannot, with the operator that it lacks; empty when it can.
        lacking: That operator, or those, by name.
    """

    bytes: int | None
    version: str
    outputs: NDArray[Any] | None = None
    problem: str = ""
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UsageRequest:
    """The input of a format's usage programs.

    Attributes:
        model: The file, inside the folder.
        facts: The content of ``metadata.json``.
        operators: Operators of the file and how often each stands in it.
        target: Name of the processor that the file is for; empty when unknown.
        arena: Measures the tensor arena of a file with given inputs, (inputs, 1, …), and its
            outputs; raises `MissingExtra` without the interpreter. None where no kind of device
            brings one for the format.
    """

    model: Path
    facts: Mapping[str, Any]
    operators: Mapping[str, int]
    target: str
    arena: Callable[[Path, NDArray[Any]], Arena] | None = None


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
        checked: How the program was tested, in a sentence; shown for a program
            that is not run while the folder is made.
        importable: Whether it is a Python module with a class ``Model`` (no arguments), whose
            instances take one raw input, an array of the file's input shape, and return a list of
            outputs in real numbers: so the files of one model are run one after the other.
    """

    language: str
    file: str
    needs: str
    run: str
    checked: str
    modules: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    importable: bool = False


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

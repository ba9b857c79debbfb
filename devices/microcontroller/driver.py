"""Would a file run on a microcontroller's board, by what tflite-micro says of it here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from zoo.common.extras import installed
from zoo.contracts import Arena, DeviceDriver, Examination, Figure, FigureTable, Specimen

from .arena import MODULE, as_file_inputs, measure_arena, micro_version
from .boards import Board, BoardOptions, board_of, capacity
from .memory_sizes import format_size
from .operators import lacking_operators, suggested_fix
from .outputs import compare_outputs

RUNTIME = "tflite-micro"
_NO_CLOCK = (
    "No latency is claimed: tflite-micro on this computer is no board's clock. The arena was "
    "measured on this 64-bit host: pointers are half as long on a 32-bit processor, so it needs "
    "less; optimized kernels may need more. The interpreter's code, your program and its stack "
    "come on top; name them: other_flash, other_ram."
)


class BoardDriver(DeviceDriver[BoardOptions]):
    """One board: its flash and RAM, and tflite-micro in its place."""

    @property
    def address(self) -> str:
        """The board and what it has."""
        board = board_of(self.options)
        return f"{board.title}: {capacity(board)}"

    def fingerprint(self) -> str:
        """Of the board's figures and of what examines: another of either is another result."""
        board = board_of(self.options).model_dump_json()
        told = f"{board} {self.options.model_dump_json()} {micro_version()}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def runtimes(self) -> Sequence[str]:
        """tflite-micro, where it is installed."""
        return [RUNTIME] if installed(MODULE) else []

    def examine(self, specimen: Specimen) -> Examination:
        """Operators, arena, memory and answers of one file on one board.

        Raises:
            MissingExtra: tflite-micro is not installed.
        """
        import numpy as np

        options, board = self.options, board_of(self.options)
        inputs = specimen.inputs
        first = specimen.contents.inputs[0]
        taken = np.zeros((0, 1), np.int8) if inputs is None else as_file_inputs(inputs, first)
        arena = measure_arena(specimen.path, taken)
        faults: list[str] = []
        figures = list(_memory(options, board, specimen, arena))
        faults += [_beyond(figure, board) for figure in figures if not figure.within]
        remarks = [_NO_CLOCK, *([board.note] if board.note else [])]
        if arena.bytes is None:
            lacking = lacking_operators(specimen, arena)
            faults.insert(0, _cannot_run(specimen, arena, lacking))
        else:
            lacking = ()
            answers = compare_outputs(specimen, taken, arena.outputs)
            figures += answers.figures
            faults += [answers.fault] if answers.fault else []
            remarks += [answers.remark] if answers.remark else []
        count, table = _operators(specimen, lacking)
        figures.append(count)
        return Examination(
            verdict=_verdict(arena, faults, figures),
            figures=tuple(figures),
            faults=tuple(faults),
            tables=(table,),
            remarks=tuple(remarks),
            configuration=_configuration(options, board),
            tools={RUNTIME: arena.version},
        )


def _verdict(arena: Arena, faults: Sequence[str], figures: Sequence[Figure]) -> str:
    if not faults:
        return "fits"
    if arena.bytes is None:
        return "cannot run"
    memory = [figure for figure in figures if figure.unit == "B" and not figure.within]
    return "does not fit" if memory else "answers otherwise"


def _memory(
    options: BoardOptions, board: Board, specimen: Specimen, arena: Arena
) -> Iterable[Figure]:
    if arena.bytes is not None:
        ram = float(max(0, board.ram - options.other_ram))
        yield Figure(name="RAM", value=arena.bytes, unit="B", limit=ram)
    flash = float(max(0, board.flash - options.other_flash))
    yield Figure(name="flash", value=specimen.contents.payload_bytes, unit="B", limit=flash)


def _operators(specimen: Specimen, lacking: Sequence[str]) -> tuple[Figure, FigureTable]:
    there = specimen.contents.operators
    rows = tuple((n, count, "no" if n in lacking else "yes") for n, count in there.items())
    table = FigureTable(
        name=f"operators in {RUNTIME}", headings=("operator", "times", "there"), rows=rows
    )
    return Figure(name="operators it lacks", value=len(lacking), limit=0), table


def _beyond(figure: Figure, board: Board) -> str:
    what = "the tensor arena" if figure.name == "RAM" else "the model"
    limit = figure.limit or 0.0
    return (
        f"{what} takes {format_size(figure.value)} of {figure.name}, and {board.title} has "
        f"{format_size(limit)} for it; take a narrower precision (int8), a smaller network "
        "(`zoo optimize MODEL`) or a larger board"
    )


def _cannot_run(specimen: Specimen, arena: Arena, lacking: Sequence[str]) -> str:
    why = (
        f": it has no operator {', '.join(lacking)}"
        if lacking
        else f", though it has its operators: {arena.problem}"
    )
    return f"tflite-micro cannot run this file{why}; {suggested_fix(specimen, lacking)}"


def _configuration(options: BoardOptions, board: Board) -> dict[str, object]:
    return {
        "board": options.board,
        "title": board.title,
        "processor": board.processor,
        "flash": board.flash,
        "ram": board.ram,
        "other_flash": options.other_flash,
        "other_ram": options.other_ram,
        "source": board.source,
    }

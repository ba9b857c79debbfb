"""Boards with a microcontroller: the table that comes along, and boards of one's own."""

from __future__ import annotations

from functools import cache
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from zoo.common.errors import UnknownName

from .board_table import tables
from .memory_sizes import Size, format_size


class Board(BaseModel):
    """What a board has.

    Attributes:
        flash: Bytes for program and model.
        ram: Bytes of the largest piece of memory in which one tensor arena can lie.
        note: What there is beside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    processor: str = ""
    flash: Size
    ram: Size
    note: str = ""
    source: str


class BoardOptions(BaseModel):
    """A microcontroller board.

    Attributes:
        board: A name of the table, or one of your own with `flash` and `ram`.
        flash: Bytes for program and model, in place of the table's: ``1MiB``.
        ram: Bytes in which the tensor arena can lie, in place of the table's: ``256KiB``.
        other_flash: What the rest of the firmware takes of the flash.
        other_ram: What the rest of the firmware takes of that RAM.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    board: str
    flash: Size | None = None
    ram: Size | None = None
    other_flash: Size = 0
    other_ram: Size = 0

    @model_validator(mode="after")
    def _that_the_board_is_known(self) -> Self:
        if self.board not in boards() and (self.flash is None or self.ram is None):
            hint = UnknownName("board", self.board, boards()).fix
            raise ValueError(
                f"the board {self.board!r} is not in the table: {hint} (or give flash and ram)"
            )
        return self


@cache
def boards() -> dict[str, Board]:
    """Every board of the table by name."""
    return {name: Board.model_validate(values) for name, values in tables().items()}


def board_of(options: BoardOptions) -> Board:
    """The board that options mean, with what they say in place of the table's."""
    known = boards().get(options.board)
    given = {k: v for k in ("flash", "ram") if (v := getattr(options, k)) is not None}
    if known is None:
        return Board(title=options.board, source="devices.toml", **given)
    own = {"source": f"{known.source}; devices.toml: {', '.join(given)}"} if given else {}
    return known.model_copy(update={**given, **own})


def capacity(board: Board) -> str:
    """Flash and RAM in words."""
    return f"{format_size(board.flash)} flash, {format_size(board.ram)} RAM"

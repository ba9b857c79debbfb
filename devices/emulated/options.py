"""What ``devices.toml`` may say of an emulated board."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from .boards import BOARDS


class EmulatedOptions(BaseModel):
    """An emulated board.

    Attributes:
        board: Whose processor is emulated: ``pi4``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    board: str

    @field_validator("board")
    @classmethod
    def _that_is_known(cls, value: str) -> str:
        if value not in BOARDS:
            raise ValueError(f"must be one of {', '.join(BOARDS)}")
        return value

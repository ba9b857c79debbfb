"""What is stored between the encoder and the decoder of a compression network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    from zoo.contracts.prediction import DecodedOutput

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureCode:
    """The code of a whole picture.

    Attributes:
        cells: Whole numbers, int16, (rows, columns, channels): one cell for each square of pixels.
        cell: Side of that square in pixels.
        height: Of the picture in pixels; the last row of cells may lie partly beyond it.
        width: Likewise.
    """

    cells: Array
    cell: int
    height: int
    width: int


#: What a task's `decoding` calls the tables of its entropy coder: parts of text, divided by ``|``.
TABLES = "tables"


class StoredCode(ABC):
    """How a task writes the code of a picture to disk, and reads it again.

    Attributes:
        suffix: Of its files, with the dot.
    """

    suffix: str

    @abstractmethod
    def recognizes(self, head: bytes) -> bool:
        """Whether a file that begins so is of this kind, whatever it is called."""

    @abstractmethod
    def rounded(self, code: Array) -> Array:
        """The whole numbers, int16, of what an encoder gave, in the same shape."""

    def check_size(self, height: int, width: int) -> None:
        """Refuses a picture that `packed` would refuse once it is encoded; as a rule none.

        Raises:
            BadData: It is too large.
        """
        return

    @abstractmethod
    def packed(self, code: PictureCode) -> bytes:
        """The content of a coded file.

        Raises:
            BadData: The picture is too large, or the code is not that of these tables.
        """

    @abstractmethod
    def unpacked(self, content: bytes, name: str = "the coded picture") -> PictureCode:
        """The code, number by number what was packed.

        Args:
            content: Of the file.
            name: What the file is called in errors.

        Raises:
            BadFile: The file is of another kind or network, damaged, or cut off.
        """

    @abstractmethod
    def described(
        self, content: bytes, picture: Array | None, given: Array | None
    ) -> DecodedOutput:
        """What is told of one picture.

        Args:
            content: Of the coded file.
            picture: Decoded, uint8, (height, width, channels); None where there is no decoder.
            given: What was compressed, of the same shape; None where a coded file was given.
        """

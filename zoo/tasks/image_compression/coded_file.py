r"""Coded pictures of any size as files: a header, and streams of the entropy coder.

In little-endian order:

    7 bytes  ``\x93EZPIC`` and the version, 1
    1 byte   side of a cell in pixels
    8 bytes  the first of the SHA-256 of the tables' text
    2 and 2  height and width of the picture in pixels
    4 bytes  CRC-32 of all bytes before it and behind it
    4 each   length of each stream in bytes
    …        the streams, as `zoo.tasks.image_compression.coder` writes them

A stream is the code of a square block of cells, which has 24,000 numbers at most: the coder works
on blocks side by side, and counts in 16 bits. Blocks at the right and lower edges are smaller. The
streams of blocks of the whole size come first, row by row, then those of each other size.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from itertools import islice
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, BadFile
from zoo.contracts.prediction import CodedFile, DecodedOutput
from zoo.contracts.stored_code import PictureCode, StoredCode
from zoo.results.formatting import number
from zoo.tasks.image_compression import standard_codecs
from zoo.tasks.image_compression.coder import CodeCoder
from zoo.tasks.image_compression.file_checks import codes_of

if TYPE_CHECKING:
    from zoo.contracts.task import Array
    from zoo.tasks.image_compression.symbol_tables import SymbolTables

_MAGIC, _VERSION = b"\x93EZPIC", 1
_HEAD, _CHECKED = 24, 20
#: Numbers of a stream at most.
_NUMBERS = 24_000
#: Bytes of its length.
_LENGTH = 4
#: Streams that are coded side by side: more would take gigabytes.
_TOGETHER = 128
#: Larger pictures would take gigabytes: 67 million pixels, whatever a header says.
MOST_PIXELS = 1 << 26
#: Numbers of a code, likewise.
MOST_NUMBERS = 1 << 27
_LONGEST = (1 << 16) - 1
#: JPEG of the same PSNR is looked for in pictures of so many pixels at most.
_COMPARED = 1 << 22


#: Top and left of blocks, and the rows and columns of each.
_Blocks = tuple[list[tuple[int, int]], tuple[int, int]]


class _Damaged(Exception):
    """Why a file cannot be read."""


class CodedPictures(StoredCode):
    """Files of one network's codes.

    Args:
        tables: Of the network.
    """

    suffix = ".ezp"

    def __init__(self, tables: SymbolTables) -> None:
        self._channels = len(tables.channels)
        self._coder = CodeCoder(tables)
        self._mark = hashlib.sha256(tables.text.encode()).digest()[:8]

    def recognizes(self, head: bytes) -> bool:
        """By its first six bytes."""
        return head.startswith(_MAGIC)

    def rounded(self, code: Array) -> Array:
        """See `file_checks.codes_of`."""
        return codes_of(code)

    def check_size(self, height: int, width: int) -> None:
        """See `StoredCode.check_size`."""
        if not _fits(height, width):
            raise _too_large(height, width)

    def packed(self, code: PictureCode) -> bytes:
        """The content of a file; see the module for its form.

        Raises:
            BadData: The picture is too large, or the code has other channels than the tables.
        """
        import numpy as np

        height, width = code.height, code.width
        self.check_size(height, width)
        if code.cells.size > MOST_NUMBERS or not 0 < code.cell < 256:
            raise _too_large(height, width)
        streams: list[bytes] = []
        for places, (tall, wide) in self._blocks(*code.cells.shape[:2]):
            blocks = [code.cells[top : top + tall, left : left + wide] for top, left in places]
            streams += self._coder.encode(np.stack(blocks))
        head = _MAGIC + bytes((_VERSION, code.cell)) + self._mark
        head += height.to_bytes(2, "little") + width.to_bytes(2, "little")
        lengths = b"".join(len(stream).to_bytes(_LENGTH, "little") for stream in streams)
        rest = lengths + b"".join(streams)
        return head + zlib.crc32(rest, zlib.crc32(head)).to_bytes(4, "little") + rest

    def unpacked(self, content: bytes, name: str = "the coded picture") -> PictureCode:
        """The code; sizes are held against the file's before anything of that size is made.

        Args:
            content: Of the file.
            name: What the file is called in errors.

        Raises:
            BadFile: The file is of another kind or network, damaged, or cut off.
        """
        if not self.recognizes(content):
            raise BadFile(
                f"{name} is no coded picture",
                why="it does not begin as such files do",
                fix=f"name a {self.suffix} file that `zoo predict` wrote, or a picture",
            )
        try:
            return self._read(content)
        except _Damaged as error:
            raise BadFile(
                f"{name} cannot be decoded", why=str(error), fix="copy the file again"
            ) from None
        except BadFile as error:
            raise BadFile(f"{name}: {error.what}", why=error.why, fix=error.fix) from None

    def _read(self, content: bytes) -> PictureCode:
        import numpy as np

        if len(content) < _HEAD:
            raise _Damaged("it ends within its header")
        version, cell = content[len(_MAGIC)], content[len(_MAGIC) + 1]
        if version != _VERSION:
            raise BadFile(
                f"it is of version {version}, and version {_VERSION} is read here",
                fix="decode it with the edgezoo that it was coded with",
            )
        if content[8:16] != self._mark:
            raise BadFile(
                "it was coded by another network",
                why="its numbers were coded with other tables than those of this one",
                fix="decode it with a file of the network that coded it, in any precision",
            )
        told = int.from_bytes(content[_CHECKED:_HEAD], "little")
        if zlib.crc32(content[_HEAD:], zlib.crc32(content[:_CHECKED])) != told:
            raise _Damaged("its check sum does not fit: it was cut off or changed")
        height, width = (int.from_bytes(content[at : at + 2], "little") for at in (16, 18))
        if not _fits(height, width) or not cell:
            raise _Damaged(f"it says that it is of {width}×{height} pixels, in cells of {cell}")
        rows, columns = math.ceil(height / cell), math.ceil(width / cell)
        if rows * columns * self._channels > MOST_NUMBERS:
            raise _Damaged(f"it says that it has cells of {cell} pixels, too many to be decoded")
        blocks = self._blocks(rows, columns)
        streams = iter(_cut(content[_HEAD:], sum(len(places) for places, _ in blocks)))
        cells = np.empty((rows, columns, self._channels), np.int16)
        for places, (tall, wide) in blocks:
            coded = list(islice(streams, len(places)))
            found = self._coder.decode(coded, (tall, wide, self._channels))
            for (top, left), own in zip(places, found, strict=True):
                cells[top : top + tall, left : left + wide] = own
        return PictureCode(cells=cells, cell=cell, height=height, width=width)

    def described(
        self, content: bytes, picture: Array | None, given: Array | None
    ) -> DecodedOutput:
        """Bytes and bits per pixel; PSNR and JPEG's size where the given picture is there, too."""
        height, width = (int.from_bytes(content[at : at + 2], "little") for at in (16, 18))
        rate = number(8 * len(content) / height / width, 3)
        told = f"{width}×{height} pixels in {len(content):,} bytes, {rate} bpp"
        if picture is not None and given is not None:
            ratio = float(standard_codecs.psnr(picture[None], given[None])[0])
            told += f", PSNR {number(ratio, 4)} dB"
            longest = standard_codecs.LONGEST_JPEG
            if height * width <= _COMPARED and max(height, width) <= longest:
                size = standard_codecs.least_jpeg(given, ratio)
                told += f"; JPEG of that PSNR: {size:,} bytes" if size else "; JPEG reaches less"
        # A coded file that was given is on disk already.
        made = CodedFile(content=content, suffix=self.suffix) if given is not None else None
        return DecodedOutput(answer=told, picture=picture, coded=made)

    def _blocks(self, rows: int, columns: int) -> list[_Blocks]:
        """Places of blocks by their size, so many at most as are coded at once."""
        side = max(1, math.isqrt(_NUMBERS // self._channels))
        of_size: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for top in range(0, rows, side):
            for left in range(0, columns, side):
                size = min(side, rows - top), min(side, columns - left)
                of_size.setdefault(size, []).append((top, left))
        return [
            (places[at : at + _TOGETHER], size)
            for size, places in of_size.items()
            for at in range(0, len(places), _TOGETHER)
        ]


def _too_large(height: int, width: int) -> BadData:
    return BadData(
        f"a picture of {width}×{height} pixels is too large to be coded",
        why=f"coded files hold {MOST_PIXELS:,} pixels at most, {_LONGEST:,} on a side, and "
        f"{MOST_NUMBERS:,} numbers",
        fix="cut it into several pictures",
    )


def _fits(height: int, width: int) -> bool:
    sides = min(height, width) > 0 and max(height, width) <= _LONGEST
    return sides and height * width <= MOST_PIXELS


def _cut(rest: bytes, count: int) -> list[bytes]:
    """The streams behind their lengths.

    Raises:
        BadFile: They are not as long as they should be together.
    """
    at = _LENGTH * count
    lengths = [int.from_bytes(rest[n : n + _LENGTH], "little") for n in range(0, at, _LENGTH)]
    if len(rest) != at + sum(lengths):
        raise _Damaged("its streams are not as long as they should be")
    streams = []
    for length in lengths:
        streams.append(rest[at : at + length])
        at += length
    return streams

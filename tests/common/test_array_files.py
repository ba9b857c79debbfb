"""Files of arrays that lie about what is in them."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest

from zoo.common.array_files import load_arrays
from zoo.common.errors import BadData, BadFile, ZooError

MOST = 1 << 24


def member(shape: Any, content: bytes, descr: Any = "|u1", version: int = 1) -> bytes:
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


def archive(**members: bytes) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return made


def test_what_numpy_writes_comes_back() -> None:
    written = {
        "plain": np.arange(6, dtype=">i4").reshape(2, 3),
        "fortran": np.asfortranarray(np.eye(3)),
        "single": np.float32(3.0),
        "none": np.zeros((0, 4), np.uint8),
        "words": np.array(["ab", "é"]),
        "named": np.zeros(2, [("größe", "f4"), ("b", "u1", (2,))]),  # version 3 of the format
    }
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **written)
        found = load_arrays(buffer, "a.npz", MOST)
        assert found.keys() == written.keys()
        for name, values in written.items():
            np.testing.assert_array_equal(found[name], values)
            assert found[name].dtype == values.dtype


@pytest.mark.parametrize(
    ("lie", "error", "message"),
    [
        (member((1 << 45, 8), b"0" * 100), BadData, "its header says"),
        (member((50,), b"0" * 100), BadData, "its header says"),
        (member((-100, -1), b"0" * 100), BadData, "its header is"),
        (member((1e2,), b"0" * 100), BadData, "its header is"),
        (member((True,), b"0"), BadData, "its header is"),
        (member((10**18,), b"", descr="|V0"), BadData, "its type is"),
        (member((10**18,), b"", descr="<U0"), BadData, "its type is"),
        (member((3,), b"0" * 24, descr="|O"), BadData, "its type is object"),
        (member((3,), b"0" * 24, descr=[("a", "|O")]), BadData, "its type is"),
        (member((), b"", descr="[" * 3000), BadData, "cannot be read"),
        (member((1,) * 4000, b"0"), BadData, "bytes long"),
        (member((1,), b"0", version=9), BadData, "of version 9"),
        (b"\x93NUMPY\x03\x00\xff\xff\xff\xff", BadData, "bytes long"),
        (b"\x93NUMPY\x01\x00\x03\x00'''", BadData, "cannot be read"),
        (b"", BadData, "cannot be read"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else None,
)
def test_headers_that_lie(lie: bytes, error: type[ZooError], message: str) -> None:
    with pytest.raises(error, match=message):
        load_arrays(archive(x=lie), "a.npz", MOST)


def test_what_unpacks_to_gigabytes_is_not_unpacked() -> None:
    """The directory says the size; where it says less, no more is unpacked."""
    size = 40_000_000
    packed = archive(x=member((size,), bytes(size))).getvalue()
    tracemalloc.start()
    with pytest.raises(BadFile, match=r"unpacks to 0\.0 GB"):
        load_arrays(io.BytesIO(packed), "a.npz", MOST)
    honest = len(member((size,), b"")) + size
    lied = packed.replace(struct.pack("<I", honest), struct.pack("<I", 1000))
    with pytest.raises(ZooError, match=r"cannot be read|truncated"):
        load_arrays(io.BytesIO(lied), "a.npz", MOST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 4


def test_two_of_a_name_and_too_many() -> None:
    made = archive(x=member((1,), b"0"), y=member((1,), b"0")).getvalue()
    twice = io.BytesIO(made.replace(b"y.npy", b"x.npy"))
    with pytest.raises(BadFile, match="holds 'x' twice"):
        load_arrays(twice, "a.npz", MOST)
    many = archive(**{f"a{n}": member((1,), b"0") for n in range(1001)})
    with pytest.raises(BadFile, match="holds 1001 files"):
        load_arrays(many, "a.npz", MOST)

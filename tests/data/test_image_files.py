"""Every kind of image file becomes the pixels that a person would see."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from zoo.data.readers import image_files
from zoo.data.readers.image_files import BadImage, decode, read_image, suffixes

RGB = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]], np.uint8)
GREY = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def test_colour_is_exact():
    assert np.array_equal(decode(encoded(Image.fromarray(RGB))), RGB)


def test_grey_keeps_one_channel():
    assert np.array_equal(decode(encoded(Image.fromarray(GREY))), GREY[..., None])


def test_black_and_white():
    image = Image.fromarray(GREY).point(lambda v: 255 if v > 120 else 0).convert("1")
    expected = np.where(GREY > 120, 255, 0)[..., None]
    assert np.array_equal(decode(encoded(image)), expected)


def test_transparency_is_blended_with_white():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0] = [[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 128]]
    half = [round((c * 128 + 255 * 127) / 255) for c in (200, 100, 0)]
    result = decode(encoded(Image.fromarray(rgba)))
    assert result.shape == (1, 3, 3)
    assert result[0, 0].tolist() == [200, 100, 0]
    assert result[0, 1].tolist() == [255, 255, 255]
    assert np.abs(result[0, 2].astype(int) - half).max() <= 1


def test_grey_with_transparency_stays_grey():
    la = np.array([[[80, 255], [80, 0]]], np.uint8)
    assert decode(encoded(Image.fromarray(la, "LA"))).tolist() == [[[80], [255]]]


def test_transparent_grey_level():
    data = encoded(Image.fromarray(GREY), transparency=50)
    expected = np.where(GREY == 50, 255, GREY)[..., None]
    assert np.array_equal(decode(data), expected)


def test_transparent_colour():
    result = decode(encoded(Image.fromarray(RGB), transparency=(0, 255, 0)))
    assert result[0, 1].tolist() == [255, 255, 255]
    assert result[1, 1].tolist() == [10, 20, 30]


def palette() -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    return image


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette(kind):
    expected = [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    assert decode(encoded(palette(), kind)).tolist() == expected


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_a_transparent_entry(kind):
    result = decode(encoded(palette(), kind, transparency=1))
    assert result.tolist() == [[[255, 0, 0], [255, 255, 255], [0, 0, 255]]]


def test_palette_with_partial_transparency():
    result = decode(encoded(palette(), transparency=bytes([255, 0, 128])))
    assert result[0, 0].tolist() == [255, 0, 0]
    assert result[0, 1].tolist() == [255, 255, 255]
    assert result[0, 2].tolist() == [127, 127, 255]


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk(kind):
    cmyk = np.zeros((8, 8, 4), np.uint8)
    cmyk[:, :, 0] = 255  # cyan ink takes red away
    options = {"quality": 100} if kind == "JPEG" else {}
    result = decode(encoded(Image.fromarray(cmyk, "CMYK"), kind, **options))
    assert np.abs(result.astype(int) - [0, 255, 255]).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bits_are_scaled_not_clipped(kind):
    values = np.array([[0, 128, 129, 257, 30000, 32768, 65535]], np.uint16)
    result = decode(encoded(Image.fromarray(values), kind))
    assert result.dtype == np.uint8
    assert result[0, :, 0].tolist() == [round(int(v) * 255 / 65535) for v in values[0]]


def test_16_bits_big_endian():
    values = np.array([[0, 257, 30000, 65535]], ">u2")
    result = decode(encoded(Image.frombytes("I;16B", (4, 1), values.tobytes()), "TIFF"))
    assert result[0, :, 0].tolist() == [0, 1, 117, 255]


def tiff(bits: int, photometric: int, row: bytes, width: int) -> bytes:
    """A little-endian TIFF of one row, built by hand: Pillow cannot write these."""
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, 1),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 3, 1, 1),
        (279, 4, 1, len(row)),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags)
    padded = row + b"\0" * (len(row) % 2)
    return struct.pack("<2sHI", b"II", 42, 8 + len(padded)) + padded + directory + b"\0\0\0\0"


def test_16_bits_where_zero_is_white():
    row = struct.pack("<3H", 0, 30000, 65535)
    assert decode(tiff(16, 0, row, 3))[0, :, 0].tolist() == [255, 138, 0]


def test_12_bits():
    # Two values of 12 bits in three bytes: 0xFFF and 0x800.
    assert decode(tiff(12, 1, b"\xff\xf8\x00", 2))[0, :, 0].tolist() == [255, 128]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_without_a_known_range_are_refused(dtype):
    with pytest.raises(BadImage, match="no agreed range"):
        decode(encoded(Image.fromarray(np.ones((2, 2), dtype)), "TIFF"))


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image as a camera stores it, so that `orientation` turns it upright."""
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    return image if method is None else image.transpose(method)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once(kind, orientation):
    upright = Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(turned(upright, orientation), kind, exif=exif, **options)
    assert np.array_equal(decode(data), np.asarray(upright))


def test_orientation_of_jpeg_and_of_16_bits():
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.repeat(np.repeat(GREY, 8, axis=0), 8, axis=1))
    result = decode(encoded(turned(grey, 6), "JPEG", exif=exif, quality=100))
    assert np.abs(result[..., 0].astype(int) - np.asarray(grey)).max() <= 2
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert np.array_equal(decode(encoded(turned(deep, 6), exif=exif))[..., 0], GREY)


@pytest.mark.parametrize(
    "kind", ["BMP", "GIF", "JPEG", "JPEG2000", "PCX", "PPM", "TGA", "TIFF", "WEBP", "ICO", "AVIF"]
)
def test_formats(kind):
    needed = {"JPEG2000": "jpg_2000", "WEBP": "webp", "AVIF": "avif"}.get(kind)
    if needed and not features.check(needed):
        pytest.skip(f"this Pillow was built without {needed}")
    grey = kind == "GIF"
    image = Image.new("RGB", (16, 16), (90, 90, 90) if grey else (200, 100, 50))
    result = decode(encoded(image, kind))
    assert result.shape == (16, 16, 3)
    assert np.abs(result.astype(int) - np.asarray(image)).max() <= 4


def test_the_first_frame_counts():
    frames = [Image.new("L", (4, 4), level) for level in (10, 250)]
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert (decode(data) == 10).all()


def test_suffixes_are_those_that_pillow_decodes_by_itself():
    assert {".jpg", ".jpeg", ".png", ".tif", ".webp", ".bmp", ".gif", ".ppm"} <= suffixes()
    # Ghostscript would run for .eps; .h5 and .mpg are only identified, never decoded.
    assert suffixes().isdisjoint({".eps", ".ps", ".h5", ".mpg", ".txt", ".pdf", ".svg"})


def test_postscript_is_never_run():
    eps = encoded(Image.new("L", (4, 4)), "EPS")
    with pytest.raises(BadImage, match="not an image"):
        decode(eps)


def png_header(width: int, height: int) -> bytes:
    """A tiny file that announces a huge image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [10_000, 14_000, 60_000])
def test_decompression_bombs_are_refused(side):
    with pytest.raises(BadImage, match=r"pixels|DecompressionBomb"):
        decode(png_header(side, side))


def test_damage_is_refused():
    png = encoded(Image.effect_noise((64, 64), 50))
    jpeg = encoded(Image.effect_noise((64, 64), 50), "JPEG")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 0xFF
    for data in (png[:-200], jpeg[: len(jpeg) // 2], bytes(flipped), b"", b"GIF89a", b"\x89PNG"):
        with pytest.raises(BadImage):
            decode(data)


def test_every_truncation_is_bad_or_whole():
    data = encoded(Image.fromarray(RGB))
    for length in range(len(data)):
        try:
            result = decode(data[:length])
        except BadImage:
            continue
        assert np.array_equal(result, RGB)


def test_read_image(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(RGB).save(path)
    assert np.array_equal(read_image(path), RGB)
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.png")


def test_limit_is_pillows_own():
    assert image_files.MAX_PIXELS == Image.MAX_IMAGE_PIXELS

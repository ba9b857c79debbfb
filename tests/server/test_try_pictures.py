"""Pictures that pages read in a browser are, bit for bit, what the zoo reads."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from chromium import Browser, browser, find_chromium
from served_pages import served

from zoo.contracts import ImagePreprocessing
from zoo.data.preprocessing.images import to_pixels
from zoo.data.readers.image_files import decode

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
Image = pytest.importorskip("PIL.Image")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]

SIZES = ((5, 7), (8, 8), (31, 20), (97, 64))
RULES: tuple[dict[str, Any], ...] = (
    {"resize": "stretch"},
    {"resize": "crop"},
    {"resize": "crop", "crop_share": 0.875},
    {"resize": "pad"},
)
READ = """
(async () => {
  const { readPicture } = await import("%s");
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const found = [];
  for (const [picture, own] of %s) {
    try {
      const { raw } = await readPicture(new File([bytes(picture)], "picture"), own, true);
      found.push(Array.from(raw));
    } catch (error) {
      found.push(error.message);
    }
  }
  return found;
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    home = tmp_path_factory.mktemp("home")
    profile = tmp_path_factory.mktemp("profile")
    with served(f"sqlite:///{home}/results.db", home) as address, browser(profile) as shown:
        shown.visit(address)
        yield shown, f"{address}try_pictures.js"


def scene(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Noise on slopes: no two filters make the same of it."""
    random = np.random.default_rng((height, width))
    slope = np.linspace(0, 180, width)[None, :, None] + np.linspace(0, 60, height)[:, None, None]
    noisy = slope + random.normal(0, 25, (height, width, channels))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def saved(pixels: np.ndarray, format: str, **how: Any) -> bytes:
    made = io.BytesIO()
    flat = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(flat).save(made, format, **how)
    return made.getvalue()


def read(page: tuple[Browser, str], pairs: list[tuple[bytes, ImagePreprocessing]]) -> list[Any]:
    shown, module = page
    told = [
        [base64.b64encode(data).decode(), {name: getattr(own, name) for name in vars(own)}]
        for data, own in pairs
    ]
    found: list[Any] = shown.evaluate(READ % (module, json.dumps(told)))
    return found


def right(data: bytes, own: ImagePreprocessing) -> np.ndarray:
    pixels = to_pixels(decode(data), own)
    return pixels.transpose(2, 0, 1) if own.layout == "nchw" else pixels


def apart(found: Any, data: bytes, own: ImagePreprocessing) -> int:
    assert isinstance(found, list), found
    wanted = right(data, own).ravel().astype(int)
    return int(np.abs(np.array(found) - wanted).max())


def test_every_rule_and_filter_gives_the_same_pixels(page: tuple[Browser, str]) -> None:
    pairs = []
    for height, width in SIZES:
        for rule in RULES:
            for interpolation in ("nearest", "bilinear", "bicubic", "box", "lanczos"):
                for channels in (1, 3):
                    own = ImagePreprocessing(
                        height=9,
                        width=12,
                        channels=channels,
                        interpolation=interpolation,
                        mean=(0.0,) * channels,
                        std=(1.0,) * channels,
                        layout="nchw" if interpolation == "box" else "nhwc",
                        **rule,
                    )
                    pairs.append((saved(scene(height, width), "PNG"), own))
    found = read(page, pairs)
    wrong = [
        (Image.open(io.BytesIO(data)).size, own.resize, own.crop_share, own.interpolation, most)
        for (data, own), one in zip(pairs, found, strict=True)
        if (most := apart(one, data, own))
    ]
    assert wrong == []


def transparent(pixels: np.ndarray) -> np.ndarray:
    holes = np.where(np.indices(pixels.shape[:2]).sum(axis=0) % 5 == 0, 0, 255).astype(np.uint8)
    return np.dstack([pixels, holes])


def turned(pixels: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(pixels, "JPEG", exif=exif.tobytes())


def moving(pixels: np.ndarray, format: str, **how: Any) -> bytes:
    """Two frames, of which the first is read."""
    flat = pixels[::-1, :, 0] if pixels.shape[2] == 1 else pixels[::-1]
    other = Image.fromarray(flat.copy())
    return saved(pixels, format, save_all=True, append_images=[other], **how)


def profiled(pixels: np.ndarray) -> bytes:
    """With a colour profile, which is not applied."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG", icc_profile=profile.tobytes())
    return made.getvalue()


def test_every_kind_of_file_gives_the_same_pixels(page: tuple[Browser, str]) -> None:
    pixels, grey = scene(33, 46), scene(33, 46, 1)
    palette, upright = io.BytesIO(), Image.Exif()
    upright[0x0112] = 1
    Image.fromarray(pixels).quantize(32).save(palette, "PNG")
    files = {
        "PNG": saved(pixels, "PNG"),
        "grey PNG": saved(grey, "PNG"),
        "palette": palette.getvalue(),
        "holes": saved(transparent(pixels), "PNG"),
        "profile": profiled(pixels),
        "BMP": saved(pixels, "BMP"),
        "GIF": saved(grey, "GIF"),
        "JPEG": saved(pixels, "JPEG", quality=90),
        "JPEG 4:2:0": saved(pixels, "JPEG", quality=75, subsampling=2),
        "JPEG 4:4:4": saved(pixels, "JPEG", quality=95, subsampling=0),
        "progressive JPEG": saved(pixels, "JPEG", progressive=True),
        "grey JPEG": saved(grey, "JPEG"),
        "turned JPEG": turned(pixels),
        "WebP": saved(pixels, "WEBP"),
        "lossless WebP": saved(pixels, "WEBP", lossless=True),
        "upright WebP": saved(pixels, "WEBP", exif=upright.tobytes()),
        "moving PNG": moving(pixels, "PNG"),
        "moving GIF": moving(grey, "GIF"),
        "moving WebP": moving(pixels, "WEBP", lossless=True),
    }
    own = ImagePreprocessing(height=20, width=20, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    found = read(page, [(data, own) for data in files.values()])
    each = {
        name: apart(one, data, own) for (name, data), one in zip(files.items(), found, strict=True)
    }
    assert each == dict.fromkeys(files, 0)


def test_what_browsers_read_otherwise_is_refused(page: tuple[Browser, str]) -> None:
    pixels = scene(16, 16)
    deep, printed = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257).save(deep, "PNG")
    Image.fromarray(pixels).convert("CMYK").save(printed, "JPEG")
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    moving, drawing, exif = io.BytesIO(), bytearray(saved(scene(16, 16, 1), "GIF")), Image.Exif()
    frames = [Image.fromarray(one) for one in (pixels, pixels[::-1].copy(), pixels[:, ::-1].copy())]
    frames[0].save(moving, "PNG", save_all=True, default_image=True, append_images=frames[1:])
    drawing[6:10] = bytes((20, 0, 18, 0))  # a screen larger than its frame
    exif[0x0112] = 6
    refused = {
        "its still picture": moving.getvalue(),
        "leaves a part of it empty": bytes(drawing),
        "EXIF": saved(pixels, "WEBP", exif=exif.tobytes()),
        "16 bits": deep.getvalue(),
        "CMYK": printed.getvalue(),
        "partly transparent": saved(np.dstack([pixels, pixels[:, :, 0]]), "PNG"),
        "XMP": saved(pixels, "JPEG", xmp=xmp),
        "damaged": saved(pixels, "PNG")[:60],
        "not a picture": b"label,x\n1,2\n",
        "64 MB is the most": b"\xff\xd8\xff" + bytes(65 << 20),
    }
    own = ImagePreprocessing(height=8, width=8, channels=1)
    found = {}
    for name, data in refused.items():
        if len(data) > 1 << 20:
            shown, module = page
            found[name] = shown.evaluate(
                f"import({module!r}).then(({{ readPicture }}) => readPicture(new File([new "
                f"Uint8Array({len(data)})], 'x'), {{}})).catch((error) => error.message)"
            )
        else:
            (found[name],) = read(page, [(data, own)])
    assert all(name in str(why) for name, why in found.items()), found

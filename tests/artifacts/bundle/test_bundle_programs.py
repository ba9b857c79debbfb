"""The programs of a bundle read pictures as the zoo does, and compare answers."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundles import made, prepare_replay, run
from digit_files import PREPROCESSING, with_manifest

from zoo.data.preprocessing.images import to_pixels
from zoo.data.readers.image_files import read_image

pytest.importorskip("jinja2")


NODE_MODULES = os.environ.get("ZOO_NODE_MODULES", "")


def test_the_python_program_runs_and_finds_a_wrong_answer(file: Path) -> None:
    folder = made(file).folder
    right = run(folder, sys.executable, "python/run.py")
    assert right.returncode == 0, right.stderr
    assert right.stdout.count(": ok, ") == 3
    answer = folder / "golden/output_2.bin"
    values = np.fromfile(answer, "<f4")
    values[4] += 0.02
    values.tofile(answer)
    wrong = run(folder, sys.executable, "python/run.py")
    assert wrong.returncode == 1
    assert "golden 2: DIFFERS by 0.02" in wrong.stdout
    assert wrong.stdout.count(": ok, ") == 2


@pytest.mark.parametrize(
    "rule",
    [{"resize": "stretch"}, {"resize": "pad"}, {"resize": "crop", "crop_share": 0.8}],
    ids=lambda rule: rule["resize"],
)
def test_the_python_program_reads_pictures_as_the_zoo_does(
    rule: dict, copy: Callable[[str], Path], tmp_path: Path
) -> None:
    from PIL import Image

    file = copy("float32.tflite")
    preprocessing = replace(PREPROCESSING, interpolation="bicubic", **rule)
    with_manifest(file, preprocessing=preprocessing)
    folder = made(file).folder
    photo = np.random.default_rng(0).integers(0, 256, (37, 61, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    code = (
        "import sys; sys.path.insert(0, 'python'); import run; "
        f"sys.stdout.write(run.read_image({str(tmp_path / 'photo.png')!r}).tobytes().hex())"
    )
    read = run(folder, sys.executable, "-c", code)
    assert bytes.fromhex(read.stdout) == to_pixels(photo, preprocessing).tobytes(), read.stderr
    told = run(folder, sys.executable, "python/run.py", tmp_path / "photo.png")
    assert "photo.png: " in told.stdout


def odd_pictures(folder: Path) -> list[Path]:
    """Files that need a rule of decoding: as phones, scanners and browsers store them."""
    from PIL import Image

    rng = np.random.default_rng(0)
    grey, rgb = (
        rng.integers(0, 256, (21, 34), np.uint8),
        rng.integers(0, 256, (21, 34, 3), np.uint8),
    )
    deep = rng.integers(0, 65536, (21, 34)).astype(np.uint16)
    alpha = Image.fromarray(rng.integers(0, 256, (21, 34), np.uint8))
    pictures = {
        "la.png": Image.merge("LA", [Image.fromarray(grey), alpha]),
        "rgba.png": Image.merge("RGBA", [*Image.fromarray(rgb).split(), alpha]),
        "rgba.webp": Image.merge("RGBA", [*Image.fromarray(rgb).split(), alpha]),
        "bits.png": Image.fromarray(grey > 127),
        "deep.png": Image.fromarray(deep),
        "deep.tiff": Image.fromarray(deep),
        "cmyk.jpg": Image.fromarray(rgb).convert("CMYK"),
        "cmyk.tiff": Image.fromarray(rgb).convert("CMYK"),
        "lab.tiff": Image.fromarray(rgb).convert("LAB"),
        "palette.png": Image.fromarray(rgb).quantize(20),
        "frames.gif": Image.fromarray(rgb).quantize(20),
        "grey.bmp": Image.fromarray(grey),
    }
    options: dict[str, dict] = {
        "frames.gif": {"save_all": True, "append_images": [Image.new("L", (34, 21))]},
        "palette.png": {"transparency": 3},
    }
    for tag in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = tag
        name = f"turned{tag}.{'jpg' if tag % 2 else 'png'}"
        pictures[name], options[name] = Image.fromarray(rgb), {"exif": exif}
    inverted = folder / "min_is_white.tiff"
    Image.fromarray(deep).save(inverted, tiffinfo={262: 0})
    for name, picture in pictures.items():
        picture.save(folder / name, **options.get(name, {}))
    return [inverted, *(folder / name for name in pictures)]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_python_program_decodes_odd_pictures_as_the_zoo_does(
    channels: int, copy: Callable[[str], Path], tmp_path: Path
) -> None:
    """Sideways photographs, transparency, 16 bits: training read them so."""
    file = copy("float32.tflite")
    preprocessing = replace(PREPROCESSING, height=8, width=8, resize="pad")
    with_manifest(file, preprocessing=preprocessing)
    folder = made(file).folder
    paths = odd_pictures(tmp_path)
    code = (
        "import sys; sys.path.insert(0, 'python'); import run; "
        f"run.INPUT['shape'] = [1, 8, 8, {channels}]; "
        f"run.FACTS['preprocessing'].update(channels={channels}); "
        "print([run.read_image(path).tobytes().hex() for path in sys.argv[1:]])"
    )
    read = run(folder, sys.executable, "-c", code, *paths)
    assert read.returncode == 0, read.stderr
    rule = replace(preprocessing, channels=channels, mean=(0.5,) * channels, std=(0.5,) * channels)
    for path, found in zip(paths, json.loads(read.stdout.replace("'", '"')), strict=True):
        assert bytes.fromhex(found) == to_pixels(read_image(path), rule).tobytes(), path.name


def test_the_folder_says_how_files_are_decoded(file: Path) -> None:
    folder = made(file).folder
    for text in ((folder / "README.md").read_text(), (folder / "metadata.json").read_text()):
        for rule in ("orientation tag", "transparent pixels on white", "16-bit grey", "CMYK"):
            assert rule in text


def test_the_python_program_crops_pictures_of_every_size(
    copy: Callable[[str], Path], tmp_path: Path
) -> None:
    """Rounding once put this crop 2e-15 before the first pixel, which Pillow refuses."""
    from PIL import Image

    file = copy("float32.tflite")
    with_manifest(file, preprocessing=replace(PREPROCESSING, resize="crop"))
    folder = made(file).folder
    photo = np.random.default_rng(0).integers(0, 256, (58, 63, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    code = (
        "import sys; sys.path.insert(0, 'python'); import run; "
        "run.INPUT['shape'] = [1, 224, 224, 1]; "
        "run.FACTS['preprocessing'].update(height=224, width=224); "
        f"sys.stdout.write(run.read_image({str(tmp_path / 'photo.png')!r}).tobytes().hex())"
    )
    read = run(folder, sys.executable, "-c", code)
    rule = replace(PREPROCESSING, resize="crop", height=224, width=224)
    assert bytes.fromhex(read.stdout) == to_pixels(photo, rule).tobytes(), read.stderr


def test_the_cpp_program_hands_over_and_compares(file: Path, compiled: Callable[..., Path]) -> None:
    folder = made(file).folder
    program = compiled(folder, "cpp/run.cpp")
    sizes, received = prepare_replay(file, folder)
    right = run(folder, program, **sizes)
    assert right.returncode == 0, right.stdout + right.stderr
    assert right.stdout.count(": ok, ") == 3
    assert (folder / "received.bin").read_bytes() == received
    assert not (folder / "resets.bin").exists()
    answers = bytearray((folder / "answers.bin").read_bytes())
    answers[: len(answers) // 3] = answers[len(answers) // 3 :][: len(answers) // 3]
    (folder / "answers.bin").write_bytes(answers)
    wrong = run(folder, program, **sizes)
    assert wrong.returncode == 1
    assert "golden 1: DIFFERS" in wrong.stdout


def node_modules(folder: Path, *packages: str) -> str:
    """Makes npm packages visible to programs in a folder; skips where there are none."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    for package in packages:
        if not NODE_MODULES or not (Path(NODE_MODULES) / package).is_dir():
            pytest.skip(f"ZOO_NODE_MODULES names no folder with {package} (npm install {package})")
    (folder / "node_modules").symlink_to(NODE_MODULES)
    return node


@pytest.mark.parametrize(
    ("end", "package"),
    [
        ("float32.tflite", "@litertjs/core"),
        ("float32.onnx", "onnxruntime-node"),
        ("float32.onnx", "onnxruntime-web"),
    ],
)
def test_the_javascript_program_runs(end: str, package: str, copy: Callable[[str], Path]) -> None:
    folder = made(copy(end)).folder
    node = node_modules(folder, package)
    arguments = [package] if package.startswith("onnx") else []
    right = run(folder, node, "javascript/node.mjs", *arguments)
    assert right.returncode == 0, right.stderr
    assert right.stdout.count(": ok, ") == 3
    answer = folder / "golden/output_3.bin"
    values = np.fromfile(answer, "<f4")
    (values + np.float32(0.01)).tofile(answer)
    wrong = run(folder, node, "javascript/node.mjs", *arguments)
    assert wrong.returncode == 1
    assert "golden 3: DIFFERS" in wrong.stdout

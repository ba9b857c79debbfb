"""`zoo bundle`: the folder is complete and true, and its programs answer right, or say so."""

from __future__ import annotations

import hashlib
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
from digit_files import PREPROCESSING, dataset, probabilities, registry, with_manifest

from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import BadFile, MissingExtra, UnknownName, UsageError, ZooError
from zoo.data.preprocessing.images import to_pixels
from zoo.data.readers.image_files import read_image

pytest.importorskip("jinja2")

NODE_MODULES = os.environ.get("ZOO_NODE_MODULES", "")


def facts(folder: Path) -> dict:
    return json.loads((folder / "metadata.json").read_text())


def test_the_folder_is_complete(file: Path) -> None:
    found = made(file)
    assert found.passed
    language = {"cpp/run.cpp", "kotlin/Run.kt", "swift/main.swift", "python/run.py"}
    golden = {f"golden/{side}_{n}.bin" for side in ("input", "output") for n in (1, 2, 3)}
    expected = {file.name, "labels.txt", "metadata.json", "LICENSE.txt", "README.md"}
    assert expected | language | golden | {"SHA256SUMS", "golden/golden.json"} <= set(found.files)
    # LiteRT.js takes no int8, so there the folder says why there is no program.
    has_script = "javascript/run.mjs" in found.files
    assert has_script == ("int8" not in file.name)
    readme = (found.folder / "README.md").read_text()
    assert has_script or "LiteRT.js takes and gives" in readme
    for name in (*language, file.name, "CC0-1.0", "Not compiled and not run"):
        assert name in readme
    assert "golden 1: ok" in readme
    assert (found.folder / file.name).read_bytes() == file.read_bytes()
    assert (found.folder / "labels.txt").read_text().split() == [str(n) for n in range(10)]


def test_checksums_are_those_of_the_files(file: Path) -> None:
    folder = made(file).folder
    listed = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert set(listed) == set(there) - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256(there[name].read_bytes()).hexdigest() == digest


def test_metadata_tells_what_the_file_is(file: Path) -> None:
    told = facts(made(file).folder)
    artifact = open_artifact(registry(), file)
    manifest = artifact.manifest
    assert told["model"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["model"]["target"] == "arm64"
    for side, tensor in (("input", artifact.contents.inputs[0]), ("output", manifest.outputs[0])):
        for key in ("name", "dtype", "scale", "zero_point"):
            assert told[side][key] == getattr(tensor, key)
        assert told[side]["shape"] == list(tensor.shape)
    assert told["answer"] == "choice"
    (accuracy,) = told["quality"]
    assert accuracy["value"] == manifest.gate.metrics[0].value > 0.8
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert told["preprocessing"]["resize"] == "stretch"
    assert told["licence"]["spdx"] == "CC0-1.0"
    assert told["state"]["kept"] is False


def test_golden_files_are_real_examples_with_right_answers(file: Path) -> None:
    folder = made(file).folder
    told = facts(folder)["golden"]
    split = dataset().splits["test"]
    for number, pair in zip(told["examples"], told["files"], strict=True):
        content = (folder / pair["input"]).read_bytes()
        pixels = to_pixels(split.read(number), PREPROCESSING)
        assert content == pixels.tobytes()
        assert hashlib.sha256(content).hexdigest() == pair["input_sha256"]
        answer = np.fromfile(folder / pair["output"], "<f4")
        # What the network answers by numpy; in int8, its weights are rounded.
        near = 0.1 if "int8" in file.name else 1e-5
        np.testing.assert_allclose(answer, probabilities(pixels[None])[0], atol=near)


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


@pytest.mark.parametrize(
    ("problem", "change", "error"),
    [
        ("was not judged", {"gate": None}, BadFile),
        ("has no golden inputs", {"golden": None}, BadFile),
    ],
)
def test_files_that_prove_nothing_are_refused(
    problem: str, change: dict, error: type[ZooError], copy: Callable[[str], Path], tmp_path: Path
) -> None:
    file = with_manifest(copy("int8.tflite"), **change)
    with pytest.raises(error, match=problem):
        made(file)
    assert not (tmp_path / "out").exists()


def test_a_rejected_file_is_refused(copy: Callable[[str], Path]) -> None:
    file = copy("int8.tflite")
    gate = open_artifact(registry(), file).manifest.gate
    with pytest.raises(BadFile, match="was rejected"):
        made(with_manifest(file, gate=replace(gate, passed=False)))


def test_a_model_that_answers_wrong_is_told(copy: Callable[[str], Path]) -> None:
    file = copy("float32.tflite")
    manifest = open_artifact(registry(), file).manifest
    moved = with_manifest(file, golden=replace(manifest.golden, max_abs=0.0))
    # No outputs are off by less than nothing, unless they are the very same.
    assert made(moved).passed
    arrays = read_golden(manifest.golden, file)
    from zoo.artifacts.golden_samples import GoldenArrays, make_golden

    lied, _ = make_golden(
        manifest.golden, GoldenArrays(inputs=arrays.inputs, outputs=arrays.outputs[::-1]), "x"
    )
    found = made(with_manifest(file, golden=lied), output=file.parent / "lie")
    assert not found.passed
    assert "AND WRONG" in (found.folder / "README.md").read_text()


def test_folders_of_others_are_left_alone(copy: Callable[[str], Path], tmp_path: Path) -> None:
    file = copy("int8.tflite")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("ten years")
    with pytest.raises(UsageError, match="no bundle"):
        made(file, output=theirs)
    assert [p.name for p in theirs.iterdir()] == ["thesis.txt"]
    first = made(file)
    (first.folder / "python" / "__pycache__").mkdir()
    (first.folder / "python" / "__pycache__" / "run.pyc").write_bytes(b"made by Python")
    again = made(file)
    assert (again.files, again.remarks) == (first.files, first.remarks)
    other = made(with_manifest(file, weights_sha256="1" * 64))
    assert "was there with other content, and was replaced" in other.remarks[-1]
    for name in ("own/main.cpp", "README.md"):
        (first.folder / name).parent.mkdir(exist_ok=True)
        (first.folder / name).write_text("a week of work")
        with pytest.raises(UsageError, match=f"added or changed since it was made: {name}"):
            made(file)
        assert (first.folder / name).read_text() == "a week of work"
        (first.folder / name).unlink()
    with pytest.raises(UsageError, match=r"is a bundle of nearest\.digits"):
        made(with_manifest(file, model_id="lenet5.other"))


@pytest.mark.parametrize("moment", ["filled", "renamed"])
def test_an_interrupted_bundle_leaves_the_old_one(
    moment: str, copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is filled, and between the two renames that put it in its place."""
    file = copy("int8.tflite")
    folder = made(file).folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    renames, rename = [], Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        renames.append(path)
        if len(renames) == 2:
            raise KeyboardInterrupt
        return rename(path, target)

    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    if moment == "renamed":
        monkeypatch.setattr(Path, "rename", interrupted)
    else:
        monkeypatch.setattr("zoo.artifacts.bundle.folder._fill", interrupt)
    with pytest.raises(KeyboardInterrupt):
        made(file)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_names_that_would_act_in_programs(copy: Callable[[str], Path]) -> None:
    file = copy("float32.tflite")
    odd = file.rename(file.with_name('a"; system("x"); ".tflite'))
    with pytest.raises(UsageError, match="cannot stand in programs"):
        made(odd)
    renamed = with_manifest(odd.rename(file), classes=tuple(f"`{n}` <b>\n" for n in range(10)))
    folder = made(renamed).folder
    assert len((folder / "labels.txt").read_text().splitlines()) == 10


def test_firmware_needs_the_micro_package(
    copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.devices.microcontroller.arena.installed", lambda module: False)
    with pytest.raises(MissingExtra, match="tflite_micro") as caught:
        made(copy("int8.tflite"), target="mcu")
    assert "edgezoo[micro]" in str(caught.value)
    with pytest.raises(UnknownName, match="mcuu"):
        made(copy("int8.tflite"), target="mcuu")


def test_a_wheel_holds_the_templates() -> None:
    import tomllib

    root = Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    outside = project["package-dir"]
    held = set()
    for package, patterns in project["package-data"].items():
        top = ".".join(package.split(".")[:2])
        folder = root / outside.get(top, top.replace(".", "/")) / "/".join(package.split(".")[2:])
        held |= {path for pattern in patterns for path in folder.glob(pattern)}
        assert package in project["packages"]
    templates = [path for top in ("zoo", "exporters") for path in (root / top).rglob("*.jinja")]
    assert len(templates) > 10
    assert set(templates) <= held


def test_the_public_function_stays_a_function(copy: Callable[[str], Path], tmp_path: Path) -> None:
    import zoo

    for name in ("one", "two"):  # importing the package must not take the function's name
        assert zoo.bundle(copy("float32.onnx"), output=tmp_path / name).passed

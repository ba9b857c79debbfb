"""`zoo bundle`: the folder is complete and true, and its programs answer right, or say so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundles import made
from digit_files import PREPROCESSING, dataset, probabilities, registry, with_manifest

from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import BadFile, MissingExtra, UnknownName, UsageError, ZooError
from zoo.data.preprocessing.images import to_pixels

pytest.importorskip("jinja2")


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
    with pytest.raises(UsageError, match="cannot be used in programs"):
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

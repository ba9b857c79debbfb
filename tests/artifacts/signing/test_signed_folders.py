"""Signatures of folders and of models of several files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import made as bundle_of
from digit_files import registry
from signed_files import problem, signed, verified

from zoo.artifacts.artifact import PartReference, embed, open_artifact, require_manifest
from zoo.common.errors import BadFile, UsageError


def test_a_folder_is_signed_whole(copy: Callable[[str], Path], keys: Path, tmp_path: Path) -> None:
    file = copy("int8.tflite")
    with pytest.raises(UsageError, match="no exported file"):
        signed(keys, keys)
    single = signed(file, keys)[0].file
    folder = bundle_of(file, output=tmp_path / "app").folder
    # The bundle keeps the file's own signature, and says so.
    assert (folder / single.name).read_bytes() == single.read_bytes()
    assert f"`{single.name}`" in (folder / "README.md").read_text()
    assert verified(folder / file.name, keys).claims[0].found.startswith(single.name)
    (made,) = signed(folder, keys)
    assert made.file == folder / "model.sig"
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(made.covers) == there - {"model.sig"}
    assert "golden/input_1.bin" in made.covers
    found = verified(folder, keys)
    assert found.passed
    assert [c.name for c in found.claims] == ["signature", "files"]
    for name, change, words in (
        ("python/run.py", lambda p: p.write_text(p.read_text() + "\n"), "changed: python/run.py"),
        ("labels.txt", lambda p: p.unlink(), "removed: labels.txt"),
        (".gitignore", lambda p: p.write_text("*"), "added: .gitignore"),
        (".git/hook", lambda p: p.write_text("x"), "added: .git/hook"),
        ("out", lambda p: p.symlink_to(keys / "key.pem"), "is a link"),
        ("golden/more", lambda p: p.symlink_to(tmp_path), "is a link"),
        ("pipe", os.mkfifo, "is no file"),
    ):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        before = path.read_bytes() if path.exists() else None
        change(path)
        assert words in problem(folder, keys), name
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        assert problem(folder, keys) == "", name
    (folder / single.name).unlink()
    assert "removed" in problem(folder / file.name, keys)
    # Made anew, it is no longer signed, which is said.
    assert "signs it again" in bundle_of(file, output=folder).remarks[0]
    assert not made.file.exists()


def test_what_must_not_be_in_a_signed_folder(
    copy: Callable[[str], Path], keys: Path, tmp_path: Path
) -> None:
    folder = copy("int8.tflite").parent
    key = Path(shutil.copy(keys / "key.pem", tmp_path))
    with pytest.raises(UsageError, match="lies in the folder"):
        signed(folder, keys, key=key)
    key.unlink()
    (folder / "weights").symlink_to(keys)
    with pytest.raises(BadFile, match="is a link"):
        signed(folder, keys)
    (folder / "weights").unlink()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).touch()
    with pytest.raises(BadFile, match="not UTF-8"):
        signed(folder, keys)
    assert not list(folder.glob("*.sig"))


def test_each_file_of_a_model_is_signed(
    copy: Callable[[str], Path], keys: Path, tmp_path: Path
) -> None:
    first_file = copy("float32.onnx")
    paths = {part: tmp_path / f"net.{part}.onnx" for part in ("encoder", "decoder")}
    payload = open_artifact(registry(), first_file).contents.payload_sha256
    parts = tuple(
        PartReference(part=part, file=path.name, payload_sha256=payload)
        for part, path in paths.items()
    )
    for part, path in paths.items():
        shutil.copy(first_file, path)
        artifact = open_artifact(registry(), path)
        manifest = replace(require_manifest(artifact), part=part, parts=parts)
        embed(artifact.exporter, path, manifest)
    made = signed(paths["decoder"], keys)
    assert [one.covers for one in made] == [("net.encoder.onnx",), ("net.decoder.onnx",)]
    assert problem(paths["encoder"], keys) == problem(paths["decoder"], keys) == ""
    made[1].file.unlink()
    found = verified(paths["encoder"], keys)
    signatures = [claim.status for claim in found.claims if claim.name == "signature"]
    assert signatures == ["holds", "fails"]
    assert "net.decoder.onnx is not signed" in found.claims[-2].found
    assert not any(claim.name.startswith("golden outputs") for claim in found.claims)

"""Pictures compressed by a pair of files: from training to coded files, programs and tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import typed_in
from PIL import Image

import zoo
from zoo.artifacts.artifact import embed, open_artifact, require_manifest
from zoo.common.progress import quiet
from zoo.data.readers.photographs import PHOTOGRAPHS, read_photograph
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry
from zoo.results.formatting import number

for module in ("tensorflow", "onnxruntime", "tf2onnx", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow
PARTS = ["encoder", "decoder"]
SIDE = 64


@dataclass(frozen=True)
class Shipped:
    home: Path
    folder: Path
    picture: Path

    def file(self, part: str) -> Path:
        (found,) = self.folder.glob(f"*.float32.{part}.onnx")
        return found

    @property
    def other_decoder(self) -> Path:
        """Of another pair, whatever its gate says of it."""
        found = self.folder.glob("*.float16.decoder.onnx*")
        return next(path for path in found if not path.name.endswith(".npz"))

    def typed(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return typed_in(self.home, *arguments)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    home = tmp_path_factory.mktemp("coded")
    photos = home / "photos"
    photos.mkdir()
    for place, one in enumerate(PHOTOGRAPHS):
        for top in (0, 210):
            crop = read_photograph(one)[top : top + 260, :260]
            Image.fromarray(crop).save(photos / f"{place}_{top}.png")
    picture = home / "picture.png"
    Image.fromarray(read_photograph(PHOTOGRAPHS[0])[40:136, 100:200]).save(picture)
    recipe = recipe_from(
        model="autoencoder_small",
        data=f"folder:{photos}?patch={SIDE}",
        format=("onnx",),
        precision=("float32", "float16"),
        set={"filters": 12},
        from_scratch=True,
        epochs=1,
        allow_weak=True,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home / "home"))
        run = execute(
            make_job(recipe, load_registry()),
            scope=PlanScope(bench=False),
            output=home / "runs",
            named=True,
            store_url=None,
            on_step=quiet,
        )
        yield Shipped(home / "home", run.folder, picture)


@pytest.fixture
def pair(shipped: Shipped, tmp_path: Path) -> list[Path]:
    """Copies of both files with their golden inputs, in a folder of their own."""
    for path in shipped.folder.glob("*.float32.*.onnx*"):
        shutil.copy(path, tmp_path)
    return [tmp_path / shipped.file(part).name for part in PARTS]


def test_a_picture_becomes_a_coded_file_and_a_picture_again(
    shipped: Shipped, pair: list[Path], tmp_path: Path
) -> None:
    made = tmp_path / "made"
    told = shipped.typed("predict", pair[0], shipped.picture, "--pictures", made)
    assert told.returncode == 0, told.stderr
    (coded,) = made.glob("*.ezp")
    size = coded.stat().st_size
    rate = 8 * size / (96 * 100)
    assert f"100×96 pixels in {size:,} bytes, {number(rate, 3)} bpp, PSNR" in told.stdout
    (decoded,) = made.glob("*.png")
    assert decoded.name == f"picture.{pair[0].name.replace('.encoder', '')}.png"
    with Image.open(decoded) as picture, Image.open(shipped.picture) as given:
        apart = np.square(np.asarray(picture, float) - np.asarray(given, float)).mean()
    ratio = float(re.search(r"PSNR ([\d.]+) dB", told.stdout)[1])  # type: ignore[index]
    assert 10 * np.log10(255**2 / apart) == pytest.approx(ratio, abs=0.01)
    # Nothing is replaced unasked.
    again = shipped.typed("predict", pair[0], shipped.picture, "--pictures", made)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    # The decoder alone decodes it, to the same picture, whatever the file is called.
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(pair[1], alone)
    shutil.copy(coded, alone / "received")
    told = shipped.typed("predict", alone / pair[1].name, alone / "received", "--pictures", alone)
    assert told.returncode == 0, told.stderr
    (back,) = alone.glob("*.png")
    assert back.read_bytes() == decoded.read_bytes()
    for name, content, said in (
        ("cut.ezp", coded.read_bytes()[:-9], "cut.ezp cannot be decoded"),
        ("foreign.ezp", b"RIFF", "foreign.ezp is no coded picture"),
    ):
        (alone / name).write_bytes(content)
        refused = shipped.typed("predict", alone / pair[1].name, alone / name)
        assert refused.returncode == 2
        assert said in refused.stderr
    refused = shipped.typed("predict", alone / pair[1].name, shipped.picture)
    assert "whose encoder is not beside it" in refused.stderr


def test_files_and_the_network_decode_what_either_coded(shipped: Shipped) -> None:
    pixels = np.asarray(Image.open(shipped.picture))
    first = zoo.predict(shipped.file("encoder"), pixels).examples[0].output
    assert first.coded is not None
    assert first.picture is not None
    path = shipped.home / "photo.ezp"
    path.write_bytes(first.coded.content)
    (weights,) = shipped.folder.glob("*.safetensors")
    found = zoo.predict(weights, [path, pixels])
    assert not found.failed
    decoded, own = (one.output for one in found.examples)
    assert own.coded is not None
    assert decoded.coded is None
    for picture in (own.picture, decoded.picture):
        assert picture is not None
        assert picture.shape == pixels.shape
        assert np.abs(picture.astype(int) - first.picture).mean() < 0.5


def test_verify_finds_nothing(shipped: Shipped, pair: list[Path]) -> None:
    told = shipped.typed("verify", pair[1])
    assert told.returncode == 0, told.stdout
    assert "decoding of all parts" in told.stdout
    assert "encoder: golden answers" in told.stdout


def other_tables(text: str) -> str:
    """Tables of which the first two frequencies that differ are exchanged."""
    low, _, rest = text.partition(":")
    listed, end, more = rest.partition(";")
    numbers = listed.split(",")
    place = next(n for n, own in enumerate(numbers) if own != numbers[0])
    numbers[0], numbers[place] = numbers[place], numbers[0]
    return f"{low}:{','.join(numbers)}{end}{more}"


def broken_tables(text: str) -> str:
    return text.replace(":", ":0,", 1)


def alter(path: Path, change: Callable[[str], str]) -> None:
    artifact = open_artifact(load_registry(), path)
    manifest = require_manifest(artifact)
    before = str(manifest.decoding["tables"])
    decoding = {**manifest.decoding, "tables": change(before)}
    assert decoding != manifest.decoding
    embed(artifact.exporter, path, replace(manifest, decoding=decoding))


@pytest.mark.parametrize(
    ("changed", "change", "said", "asked"),
    [
        ([0], other_tables, "tables differ between the files", 1),
        ([1], other_tables, "tables differ between the files", 0),
        ([0, 1], other_tables, "its decoding was altered", 1),
        ([0, 1], broken_tables, "codes of pictures are coded with cannot be read", 0),
    ],
)
def test_verify_finds_changed_tables(
    shipped: Shipped,
    pair: list[Path],
    changed: list[int],
    change: Callable[[str], str],
    said: str,
    asked: int,
) -> None:
    for which in changed:
        alter(pair[which], change)
    told = shipped.typed("verify", pair[asked])
    assert told.returncode == 1
    assert said in told.stdout


def test_verify_names_a_file_of_another_pair(shipped: Shipped, pair: list[Path]) -> None:
    shutil.copy(shipped.other_decoder, pair[1])
    told = shipped.typed("verify", pair[0])
    assert told.returncode == 1
    assert "is not the decoder that belongs to" in told.stdout


def facts_of(folder: Path) -> Any:
    return json.loads((folder / "metadata.json").read_text(encoding="utf-8"))


def test_the_bundle_codes_between_both_files(shipped: Shipped, pair: list[Path]) -> None:
    folder = pair[0].parent / "app"
    told = shipped.typed("bundle", pair[0], "--output", folder)
    assert told.returncode == 0, told.stdout + told.stderr
    assert re.search(
        r"encoder Python +ok: golden 1: ok, \d+ whole numbers in \d+ bytes", told.stdout
    )
    crop = folder / "crop.png"
    Image.open(shipped.picture).crop((0, 0, SIDE, SIDE)).save(crop)
    run = [sys.executable, "-P"]
    for program, given, made in (
        ("encoder/python/run.py", crop, "crop.png.coded"),
        ("decoder/python/run.py", folder / "crop.png.coded", "crop.png.coded.out.ppm"),
    ):
        done = subprocess.run([*run, folder / program, given], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (folder / made).is_file()
    with Image.open(folder / "crop.png.coded.out.ppm") as back:
        expected = zoo.predict(pair[0], np.asarray(Image.open(crop))).examples[0].output
        assert expected.picture is not None
        assert np.abs(np.asarray(back, int) - expected.picture).max() <= 1
    # Programs of both parts carry the tables; one that was changed is noticed.
    tables = folder / "decoder" / facts_of(folder / "decoder")["code"]["tables"]
    assert tables.read_text() == (folder / "encoder" / "tables.txt").read_text()
    assert subprocess.run([*run, "python/run.py"], cwd=folder, capture_output=True).returncode == 0
    tables.write_text(tables.read_text().replace(":", ":1,", 1))
    done = subprocess.run([*run, "python/run.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("tables.txt is not the one that this model was trained with")

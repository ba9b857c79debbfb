"""Files that belong together: each finds the others, and none but those it was judged with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import digit_files
import pytest

from zoo.artifacts.artifact import PartReference, embed, open_artifact, require_manifest
from zoo.artifacts.file_chain import chain_of, name_of_all, open_chain, refuse_part
from zoo.common.errors import BadFile, UsageError

for module in ("onnx", "onnxruntime", "sklearn"):
    pytest.importorskip(module)

NAMES = {"encoder": "net.float32.encoder.onnx", "decoder": "net.float32.decoder.onnx"}


def told(path: Path, **changes: Any) -> None:
    """Gives a file another manifest."""
    artifact = open_artifact(digit_files.registry(), path)
    embed(artifact.exporter, path, replace(require_manifest(artifact), **changes))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files that say that they belong together; what they compute does not matter here."""
    folder = tmp_path_factory.mktemp("pair")
    first = digit_files.judge_file(
        digit_files.onnx_digits(folder / NAMES["encoder"]), "float32", part="encoder"
    )
    second = Path(shutil.copy(first, folder / NAMES["decoder"]))
    tell_all(first, second)
    return folder


def tell_all(first: Path, second: Path) -> None:
    payloads = [
        open_artifact(digit_files.registry(), path).contents.payload_sha256
        for path in (first, second)
    ]
    parts = tuple(
        PartReference(part=part, file=name, payload_sha256=payload)
        for (part, name), payload in zip(NAMES.items(), payloads, strict=True)
    )
    told(first, part="encoder", parts=parts)
    told(second, part="decoder", parts=parts)


@pytest.fixture
def pair(made: Path, tmp_path: Path) -> dict[str, Path]:
    return {part: Path(shutil.copy(made / name, tmp_path)) for part, name in NAMES.items()}


def another(path: Path) -> None:
    """The same network under another description: other bytes, and a manifest that fits them."""
    import onnx

    artifact = open_artifact(digit_files.registry(), path)
    manifest = require_manifest(artifact)
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[::-1]
    onnx.save(model, path)
    payload = artifact.exporter.inspect(path).payload_sha256
    embed(artifact.exporter, path, replace(manifest, payload_sha256=payload))


@pytest.mark.parametrize("asked", [*NAMES])
def test_any_part_finds_all_in_their_order(pair: dict[str, Path], asked: str) -> None:
    chain = open_chain(digit_files.registry(), pair[asked])
    assert chain.names == ("encoder", "decoder")
    assert [artifact.path for artifact in chain.artifacts] == [pair["encoder"], pair["decoder"]]
    assert chain.name == "net.float32.{encoder,decoder}.onnx"


def test_parts_in_folders_of_their_own(pair: dict[str, Path], tmp_path: Path) -> None:
    for part, path in pair.items():
        (tmp_path / part).mkdir()
        pair[part] = path.rename(tmp_path / part / path.name)
    for path in pair.values():
        assert len(open_chain(digit_files.registry(), path).artifacts) == 2


def test_a_whole_model_is_a_chain_of_one(made: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(made / NAMES["encoder"], tmp_path))
    told(path, part="", parts=())
    chain = open_chain(digit_files.registry(), path)
    assert chain.names == ("",)
    assert chain.name == path.name
    assert chain.references([path.name]) == ()
    refuse_part(chain.first, "…", "…")


def altered(path: Path) -> None:
    import onnx

    model = onnx.load(path)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[::-1]
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "whose decoder is not beside it"),
        (altered, "was altered after its manifest was written"),
        (another, "is not the decoder that belongs to"),
        (lambda path: told(path, parts=()), "is not the decoder that belongs to"),
        (lambda path: told(path, part="encoder"), "is not the decoder that belongs to"),
        (lambda path: path.write_bytes(b""), "is not what its suffix says"),
    ],
)
@pytest.mark.parametrize("through_link", [False, True])
def test_another_part_that_was_harmed(
    pair: dict[str, Path], harm: Callable[[Path], None], said: str, through_link: bool
) -> None:
    harm(pair["decoder"])
    asked = pair["encoder"]
    if through_link:
        asked = asked.with_name("linked.onnx")
        asked.symlink_to(pair["encoder"])
    with pytest.raises(BadFile, match=said):
        open_chain(digit_files.registry(), asked)


@pytest.mark.parametrize("name", ["../decoder.onnx", "/etc/decoder.onnx", "..", "a\\b.onnx", ""])
def test_names_stay_in_the_folder(pair: dict[str, Path], name: str) -> None:
    manifest = require_manifest(open_artifact(digit_files.registry(), pair["encoder"]))
    first, second = manifest.parts
    told(pair["encoder"], parts=(first, replace(second, file=name)))
    with pytest.raises(BadFile, match="no name of a file beside it"):
        open_chain(digit_files.registry(), pair["encoder"])
    told(pair["encoder"], parts=(first, replace(second, part="../../etc")))
    with pytest.raises(BadFile, match="no name of a file beside it"):
        open_chain(digit_files.registry(), pair["encoder"])


def test_a_part_that_names_nobody(pair: dict[str, Path]) -> None:
    told(pair["encoder"], parts=())
    with pytest.raises(BadFile, match="does not say of which files"):
        open_chain(digit_files.registry(), pair["encoder"])


def test_a_part_is_refused_where_a_whole_model_is_asked_for(pair: dict[str, Path]) -> None:
    chain = chain_of(digit_files.registry(), [*pair.values()])
    with pytest.raises(UsageError, match="is one of several files of a model: size counts"):
        refuse_part(chain.first, "size counts", "name another")


@pytest.mark.parametrize(
    ("files", "parts", "name"),
    [
        (["net.int8.tflite"], [""], "net.int8.tflite"),
        (["a.b.int8.b.x", "a.b.int8.c.x"], ["b", "c"], "a.b.int8.{b,c}.x"),
        (["n.e.tflite.rejected", "n.d.tflite.rejected"], ["e", "d"], "n.{e,d}.tflite.rejected"),
    ],
)
def test_one_name_for_all(files: list[str], parts: list[str], name: str) -> None:
    assert name_of_all(files, parts) == name

"""Commands that take exported files take networks, too, and export them first."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.api import networks
from zoo.api.networks import exported_file, exported_files, is_network
from zoo.common.errors import UsageError, ZooError
from zoo.pipeline.rows import ArtifactRow
from zoo.registry import load_registry


def test_networks_are_told_from_files(plain_file: Path, judged_file: Path) -> None:
    registry = load_registry()
    for named in ("my.keras", "A.H5", "weights/mine.digits.safetensors"):
        assert is_network(registry, named, by_id=False)
    for named in ("lenet5", "lenet5.fashion_mnist"):
        assert is_network(registry, named)
        # There they name what the store remembers.
        assert not is_network(registry, named, by_id=False)
    # What needs a manifest exports a foreign file anew; what times it takes it as it is.
    assert not is_network(registry, str(plain_file))
    assert is_network(registry, str(plain_file), bare=False)
    assert not is_network(registry, str(judged_file), bare=False)
    assert not is_network(registry, "missing.onnx", bare=False)
    for named in ("net.tflite", "net.onnx.rejected", "lenet5.tflite", "runs/a", "nowhere", "last"):
        assert not is_network(registry, named)


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `zoo.export` was asked for; its int8 files are rejected, its float16 ones fail."""
    asked: list[dict[str, Any]] = []

    def export(network: str, **options: Any) -> Any:
        asked.append(options)
        return SimpleNamespace(folder=options["output"], findings=())

    def rows(run: Any) -> list[ArtifactRow]:
        options = asked[-1]
        ends = {"int8": "rejected", "float16": "failed"}
        return [
            ArtifactRow(
                file=f"{p}.{f}" + (".rejected" if ends.get(p) == "rejected" else ""),
                format=f,
                precision=p,
                verdict=ends.get(p, "passed"),  # type: ignore[arg-type]
                reason="" if p == "float32" else "too far",
            )
            for f in options["format"] or ["onnx", "tflite"]
            for p in options["precision"] or ["float32", "int8"]
        ]

    monkeypatch.setattr(networks, "export", export)
    monkeypatch.setattr(networks, "rows_of", rows)
    return asked


def test_all_files_that_passed_are_taken(exports: list[dict[str, Any]]) -> None:
    common: dict[str, Any] = {"on_step": print, "data": "digits", "format": None}
    found = exported_files(load_registry(), "my.keras", **common, precision=None)
    assert [path.name for path in found.files] == ["float32.onnx", "float32.tflite"]
    assert found.refused[0] == "int8.onnx.rejected: rejected: too far"
    assert exports[-1]["data"] == "digits"
    with pytest.raises(ZooError, match=r"no file of my\.keras") as caught:
        exported_files(load_registry(), "my.keras", **common, precision=["int8", "float16"])
    assert "float16.tflite: failed: too far" in str(caught.value)


def test_one_file_is_taken_with_its_twin(exports: list[dict[str, Any]]) -> None:
    registry = load_registry()
    found = exported_file(registry, "my.keras", on_step=print, twin=True)
    # Rejected ones are explained, too.
    assert [path.name for path in found.files] == ["int8.onnx.rejected"]
    assert (exports[-1]["format"], exports[-1]["precision"]) == (["onnx"], ["float32", "int8"])
    exported_file(registry, "a", on_step=print, format=["tflite"], precision=["float32"])
    assert (exports[-1]["format"], exports[-1]["precision"]) == (["tflite"], ["float32"])
    with pytest.raises(ZooError, match=r"float16\.onnx: failed: too far"):
        exported_file(registry, "a", on_step=print, precision=["float16"])
    with pytest.raises(UsageError, match="--format names 2, and one file is taken"):
        exported_file(registry, "a", on_step=print, format=["tflite", "onnx"])


def test_networks_of_one_name_do_not_replace_each_others_files(
    exports: list[dict[str, Any]],
) -> None:
    registry = load_registry()
    for network, data in (("old/a.h5", "digits"), ("new/a.h5", "digits"), ("old/a.h5", "npz:a")):
        exported_file(registry, network, on_step=print, data=data)
    exported_file(registry, "./old/a.h5", on_step=print, data="digits", precision=["float32"])
    folders = [one["output"] for one in exports]
    assert len(set(folders[:3])) == 3
    assert folders[0] == folders[3]


@pytest.mark.parametrize("command", ["bench", "explain", "compare", "bundle"])
def test_options_for_networks_are_refused_for_files(command: str, zoo: Any) -> None:
    typed = zoo(command, "nowhere", "--precision", "int8")
    assert typed.code == 2
    assert "--precision says how a network is exported, and none is named" in typed.err
    typed = zoo(command, "my.keras")
    assert typed.code == 2
    assert "add --data DATASET" in typed.err


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_network_claims_nothing(command: str, zoo: Any) -> None:
    Path("my.keras").touch()
    typed = zoo(command, "my.keras")
    assert typed.code == 2
    assert "not an exported file with a manifest" in typed.err
    assert "zoo export my.keras --data DATASET" in typed.err

"""Exported files where weights are wanted, and data that do not fit weights: refused at once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

COMMANDS = [("export",), ("ship", "--data", "digits"), ("finetune", "--data", "digits"), ("info",)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
def test_exported_file_is_no_model(judged_file, zoo, command):
    typed = zoo(command[0], judged_file, *command[1:])
    assert typed.code == 2
    assert (
        f"{judged_file} is an exported file, tiny.digits as onnx in float32, not a model"
        in typed.err
    )
    assert "tiny.digits.safetensors with the SHA-256 0000000000000000…" in typed.err


def test_file_of_another_program_is_opened_with_data(plain_file, zoo):
    typed = zoo("export", plain_file)
    assert typed.code == 2
    assert "plain.onnx comes from elsewhere" in typed.err
    assert "add --data DATASET" in typed.err


@pytest.mark.parametrize("where", ["packaged", "beside"])
def test_weights_of_an_exported_file_are_named(judged_file, zoo, where):
    from zoo.artifacts.artifact import embed, open_artifact
    from zoo.networks.checkpoints import resolve
    from zoo.registry import load_registry

    registry = load_registry()
    checkpoint = resolve(registry, "lenet5.fashion_mnist")[2]
    artifact = open_artifact(registry, judged_file)
    sha256 = checkpoint.card().sha256
    manifest = replace(artifact.manifest, model_id="lenet5.fashion_mnist", weights_sha256=sha256)
    embed(artifact.exporter, judged_file, manifest)
    name = "lenet5.fashion_mnist"
    if where == "beside":
        name += ".safetensors"
        shutil.copyfile(checkpoint.path, name)
    assert f"name the weights it came from: {name}\n" in zoo("export", judged_file).err
    # Other weights of the same name are not those that it came from.
    embed(artifact.exporter, judged_file, replace(manifest, weights_sha256="5" * 64))
    assert "with the SHA-256 5555555555555555…" in zoo("export", judged_file).err


def test_damaged_exported_file(zoo):
    Path("x.int8.tflite").write_bytes(b"no flatbuffer at all")
    typed = zoo("export", "x.int8.tflite")
    assert typed.code == 2
    assert "x.int8.tflite is not what its suffix says" in typed.err


@pytest.mark.parametrize("command", [("export",), ("ship", "--epochs", "0")])
def test_data_of_other_classes_wait_for_no_training(zoo, command):
    typed = zoo(command[0], "resnet8.fashion_mnist", "--data", "digits", *command[1:])
    assert typed.code == 2
    assert "digits has other classes than resnet8.fashion_mnist" in typed.err
    assert "T-shirt/top" in typed.err
    assert "(0, 1, 2, 3, 4, …)" in typed.err
    assert "zoo finetune resnet8.fashion_mnist --data digits" in typed.err
    assert "finetune  " not in typed.err.split("error:")[0], "a step was begun"


@pytest.mark.parametrize(
    ("option", "key"),
    [
        (("--time-limit", "0"), "limits.seconds"),
        (("--memory-limit", "-1"), "limits.memory_gb"),
        (("--export-option", "onnx.opset=16"), "opset: must be 17 or 18"),
        (("--export-option", "onnx.layuot=nchw"), "did you mean 'layout'"),
        (("--export-option", "tflite.opset=17"), "opset: there is no such key"),
    ],
)
def test_wrong_options_of_conversions(zoo, option, key):
    typed = zoo("export", "lenet5.fashion_mnist", *option)
    assert typed.code == 2
    assert key in typed.err

"""``zoo weights``, and official weights in lists: what is shown without any network."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from importlib import import_module
from pathlib import Path

import pytest

from zoo.cli import weights_command


def test_list_shows_what_could_be_fetched(zoo) -> None:
    typed = zoo("weights", "list", "resnet18")
    assert (typed.code, typed.err) == (0, "")
    heading, *rows = typed.out.splitlines()
    assert heading.split()[:3] == ["weights", "fetched", "licence"]
    assert [row.split()[:2] for row in rows] == [
        ["resnet18.a1_in1k", "no"],
        ["resnet18.tv_in1k", "no"],
    ]
    assert "sha256:f37072fd" in rows[1]
    assert "hf://timm/resnet18.a1_in1k" in rows[0]


def test_list_as_json(zoo) -> None:
    rows = zoo("weights", "list", "vgg16.*", "--json").json
    assert {row["model_id"]: row["fetched"] for row in rows} == {
        "vgg16.keras_in1k": False,
        "vgg16.tv_in1k": False,
    }


def test_a_pattern_that_fits_nothing(zoo) -> None:
    typed = zoo("weights", "list", "resnet18.a2_in1k")
    assert typed.code == 2
    assert "resnet18.a1_in1k" in typed.err


def test_models_and_details_name_official_weights(zoo) -> None:
    (row,) = zoo("list", "resnet18").out.splitlines()[1:]
    assert row.endswith("not fetched: a1_in1k, tv_in1k")
    assert zoo("list", "resnet18.a1_in1k").out == zoo("list", "resnet18").out
    shown = zoo("info", "resnet18.tv_in1k").out
    assert "official weights resnet18.tv_in1k (not fetched)" in shown
    assert "fetch     zoo weights fetch resnet18.tv_in1k" in shown
    assert "no packaged weights" not in shown


@pytest.mark.parametrize("where", ["before", "behind"])
def test_offline_never_tries_the_network(where, zoo, monkeypatch, own_folders) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    arguments = ["weights", "fetch", "mobilenet_v2.keras_in1k"]
    arguments = ["--offline", *arguments] if where == "before" else [*arguments, "--offline"]
    typed = zoo(*arguments)
    assert typed.code == 2
    assert "not on this machine" in typed.err
    assert "--offline" in typed.err


def test_class_names_of_a_file(zoo, tmp_path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\ufeffcat\ndog\n", encoding="utf-8")
    assert weights_command._lines(names) == ["cat", "dog"]
    names.write_bytes(b"\xff")
    for file in (names, tmp_path):
        typed = zoo("weights", "fetch", "lenet5", "--from", "x.pth", "--classes", file)
        assert typed.code == 2
        assert f"the class names {file} cannot be read" in typed.err


def test_a_missing_library_is_told_before_the_download(zoo, monkeypatch) -> None:
    monkeypatch.setattr("zoo.common.extras.installed", lambda module: module != "torch")
    typed = zoo("weights", "fetch", "resnet18.tv_in1k")
    assert typed.code == 1
    assert 'pip install "edgezoo[torch]"' in typed.err


def test_a_variant_without_a_tag(zoo) -> None:
    typed = zoo("finetune", "resnet18", "--data", "digits")
    assert typed.code == 2
    assert "resnet18.a1_in1k, resnet18.tv_in1k" in typed.err
    assert "--from-scratch" in typed.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["fetch", "resnet18"], "choose one of: resnet18.a1_in1k, resnet18.tv_in1k"),
        (["fetch", "lenet5"], "no published official weights of 'lenet5'"),
        (["fetch", "resnet18.tv_in2k"], "tv_in1k"),
        (["fetch", "resnet18", "--from", "gone.pth", "--tag", "mine"], "there is no file gone.pth"),
        (["fetch", "resnet18", "--from", "x.pth"], "belong together"),
        (["fetch", "https://example.org/a.pth"], "zoo weights fetch VARIANT --from"),
        (["verify", "resnet18.tv_in1k"], "zoo weights fetch resnet18.tv_in1k"),
        (["verify", "nothing"], "unknown weights on this machine"),
    ],
)
def test_wrong_input(zoo, monkeypatch, arguments, problem) -> None:
    monkeypatch.setattr("zoo.networks.published.fetch.require_extra", lambda extra: None)
    typed = zoo("weights", *arguments)
    assert typed.code == 2
    assert problem in typed.err
    assert "Traceback" not in typed.err


def test_a_foreign_file_typed_as_a_model(zoo) -> None:
    Path("mine.pth").write_bytes(pickle.dumps(OrderedDict(bias=1.0)))
    typed = zoo("finetune", "mine.pth", "--data", "digits")
    assert typed.code == 2
    assert "zoo weights fetch VARIANT --from mine.pth --tag NAME" in typed.err


def test_a_safetensors_file_without_a_card(zoo) -> None:
    Path("mine.safetensors").write_bytes(b"")
    typed = zoo("finetune", "mine.safetensors", "--data", "digits")
    assert typed.code == 2
    assert "zoo weights fetch VARIANT --from" in typed.err


def test_verify_reads_the_packaged_weights(zoo) -> None:
    typed = zoo("weights", "verify", "lenet5")
    assert typed.code == 0
    assert typed.out.splitlines()[1].split()[:2] == ["lenet5.fashion_mnist", "intact"]
    (row,) = json.loads(zoo("weights", "verify", "lenet5", "--json").out)
    assert row["ok"] is True


def test_the_doctor_calls_nothing_missing_that_only_official_weights_need(zoo, monkeypatch) -> None:
    monkeypatch.setattr(
        import_module("zoo.diagnosis"), "installed", lambda module: module != "torch"
    )
    rows = {row["name"]: row for row in zoo("doctor", "--json").json}
    assert rows["torch"]["ok"] is True
    assert 'pip install "edgezoo[torch]"' in rows["torch"]["state"]

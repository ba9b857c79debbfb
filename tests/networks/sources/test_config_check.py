"""Descriptions of networks are read as data, and what would run code is refused."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.common.errors import BadFile, Unsupported, UsageError
from zoo.networks.sources.config_check import check_config

pytest.importorskip("tensorflow")


def layer(name: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": {"name": "here", **config}}


def network(*inner: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "module": "keras", "config": {"layers": list(inner)}}


def test_parts_of_keras_pass() -> None:
    activation = {"class_name": "function", "module": "builtins", "config": "relu"}
    check_config(
        network(
            layer(
                "Dense",
                activation=activation,
                kernel_initializer=layer("Zeros", "keras.initializers"),
            ),
            layer("Conv2D", None),
            layer("Log1p", "keras.src.ops.numpy"),
            layer("Functional", "keras.src.models.functional"),
        ),
        "net",
    )


@pytest.mark.parametrize(
    "bad",
    [
        layer("Lambda"),
        layer("Lambda", None),
        layer("Dense", activation={"class_name": "__lambda__", "config": {"code": "4wEAAA"}}),
        layer("TorchModuleWrapper"),
        layer("TFSMLayer", filepath="/etc"),
        layer("StringLookup", vocabulary="/etc/passwd"),
        network(layer("TimeDistributed", layer=layer("Lambda"))),
    ],
)
def test_code_and_files_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match=r"^net: the layer 'here'") as caught:
        check_config(network(bad), "net")
    assert caught.value.fix


@pytest.mark.parametrize(
    "bad",
    [
        layer("system", "os"),
        layer("Popen", "subprocess"),
        layer("get_file", "keras.utils"),
        layer("load_model", "keras.saving"),
        layer("Mine", "my_layers", registered_name="mine>Mine") | {"registered_name": "mine>Mine"},
        layer("Dense", activation={"class_name": "function", "module": "os", "config": "system"}),
        layer("Mine", None),
    ],
)
def test_what_keras_does_not_have_must_be_registered(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="'here' is made by") as caught:
        check_config(network(bad), "net")
    assert "register_keras_serializable" in str(caught.value.fix)


def test_endless_nesting_is_no_network() -> None:
    inner: Any = []
    for _ in range(1000):
        inner = [inner]
    with pytest.raises(BadFile, match="describes no network"):
        check_config(inner, "net")


def test_how_it_was_trained_is_not_read() -> None:
    check_config({**network(), "compile_config": layer("Popen", "subprocess")}, "net")

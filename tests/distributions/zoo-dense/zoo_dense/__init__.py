"""Dense layers as JSON, the runtime that runs them with numpy, and a network of such layers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import zoo

from .files import MAGIC, export, inspect, read_manifest, write_manifest

HERE = Path(__file__).parent


def build(inputs: Any, classes: int) -> Any:
    """One hidden layer."""
    from keras import layers

    found = layers.Flatten(name="flat")(inputs)
    found = layers.Dense(32, activation="relu", name="hidden")(found)
    return layers.Dense(classes, name="head")(found)


@zoo.hookimpl
def zoo_architectures() -> Iterable[zoo.Architecture]:
    """A network that the format can hold."""
    yield zoo.Architecture(
        name="perceptron",
        summary="One hidden layer",
        source="this file",
        build=build,
        variants=(
            zoo.Variant(
                name="perceptron8",
                classes=10,
                parameters=2_410,
                multiply_adds=2_368,
                preprocessing=zoo.ImagePreprocessing(height=8, width=8, channels=1),
            ),
        ),
    )


@zoo.hookimpl
def zoo_exporters() -> Iterable[zoo.Exporter]:
    """The format."""
    yield zoo.Exporter(
        name="dense",
        summary="dense layers as JSON",
        suffix=".dense",
        precisions=("float32",),
        export=export,
        inspect=inspect,
        read_manifest=read_manifest,
        write_manifest=write_manifest,
        recognises=lambda head: head.startswith(MAGIC),
        runtimes=("dense-numpy",),
        extra="",
        distributions=("numpy", "keras"),
    )


@zoo.hookimpl
def zoo_runtimes() -> Iterable[zoo.Runtime]:
    """What runs it."""
    yield zoo.Runtime(
        name="dense-numpy",
        summary="dense layers by numpy",
        formats=("dense",),
        module="numpy",
        distributions=("numpy",),
        source=HERE / "run_dense.py",
        probe=HERE / "probe.dense",
    )

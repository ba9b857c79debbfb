"""Networks of timm and torchvision by name: ``timm:resnet18``, ``torchvision:resnet18``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.common.progress import OnEvent
from zoo.contracts import NamedNetwork, OpenedNetwork, Source
from zoo.hookspecs import hookimpl

from ..torch_files import lacks, setup

LIBRARIES = {
    "timm": "Networks of timm, with published weights or those of a file",
    "torchvision": "Image classifiers of torchvision, with published weights or those of a file",
}


def local(reference: str) -> Path:
    """The file of the weights."""
    from .references import weights_file

    return weights_file(reference)


def fetch(reference: str, emit: OnEvent) -> None:
    """Downloads the published weights, unless they are here or a file is named."""
    from ..torch_files.environment import required_python
    from .references import parse
    from .weights import fetch_weights

    parse(reference)  # a slip in a name takes no environment
    required_python()  # before a download that could not be used
    fetch_weights(reference, emit)


def title(reference: str) -> str:
    """``resnet18``, or ``resnet18_a2_in1k-96`` of other weights and another size than usual."""
    from .references import parse

    return parse(reference).title


def open_name(reference: str) -> OpenedNetwork:
    """Builds the network in PyTorch's environment and loads its weights there."""
    from .opening import open_network

    return open_network(reference)


def _source(library: str, summary: str) -> Source:
    prefix = f"{library}:"

    def named() -> tuple[NamedNetwork, ...]:
        from .table import described, networks

        return tuple(described(one) for one in networks(library) if one.classes)

    return Source(
        name=library,
        summary=summary,
        typed=f"{prefix}NAME, {prefix}NAME?weights=FILE",
        extra="onnx",
        recognises=lambda reference: reference.startswith(prefix),
        local=local,
        open=open_name,
        named=named,
        fetch=fetch,
        title=title,
        lacks=lacks,
        setup=setup,
        distributions=("onnx", "onnxruntime", "keras", "tensorflow"),
    )


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """Names of timm and of torchvision."""
    for library, summary in LIBRARIES.items():
        yield _source(library, summary)

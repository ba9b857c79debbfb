"""Networks of PyTorch: archives of torch.export, and modules that a user's Python file makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo.common.progress import OnEvent
from zoo.contracts import OpenedNetwork, Source
from zoo.hookspecs import hookimpl

from .references import file_of, imported_files, is_reference, parse, title


def beside(reference: str) -> list[Path]:
    """The weights, and what the Python file imports from its own folder."""
    found = parse(reference)
    if not found.function:
        return []
    own = imported_files(found.file)
    return own if found.weights is None else [*own, found.weights]


def open_reference(reference: str) -> OpenedNetwork:
    """Opens a reference in PyTorch's environment; a Python file's code runs there."""
    from .opening import open_network

    return open_network(reference)


def check(reference: str) -> None:
    """Refuses what is not here, what holds no network, and all without PyTorch's environment."""
    from .opening import check_reference

    check_reference(reference)


def lacks() -> Sequence[str]:
    """PyTorch's environment, unless it is there, or PyTorch beside the zoo."""
    from .environment import python_here

    return () if python_here() is not None else ("the environment of PyTorch",)


def setup(emit: OnEvent) -> None:
    """Makes PyTorch's environment."""
    from .environment import ENVIRONMENT

    ENVIRONMENT.make(lambda text: emit({"event": "stage", "text": text}))


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """Networks of PyTorch."""
    yield Source(
        name="torch",
        summary="Networks of PyTorch: archives of torch.export, modules of a Python file",
        recognises=is_reference,
        local=file_of,
        open=open_reference,
        check=check,
        beside=beside,
        title=title,
        typed="FILE.pt2, FILE.py:FUNCTION?weights=FILE.pth",
        extra="onnx",
        lacks=lacks,
        setup=setup,
        distributions=("onnx", "onnxruntime", "keras", "tensorflow"),
    )

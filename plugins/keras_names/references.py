"""What users type for a network of keras.applications, and the file of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import UnknownName, UsageError
from zoo.common.paths import cache_folder, expanded
from zoo.common.progress import OnEvent
from zoo.networks.sources.named import RANDOM, fetch_weights_of, size_of, split_options

from .table import Application, networks

PREFIX = "keras:"
_OPTIONS = ("weights", "size")


@dataclass(frozen=True, kw_only=True)
class ApplicationReference:
    """A parsed ``keras:NAME?weights=FILE&size=96``.

    Attributes:
        application: The network.
        weights: The user's file; None for the published weights.
        size: Height and width of its images.
    """

    application: Application
    weights: Path | None
    size: int

    @property
    def title(self) -> str:
        """Its name, with the size where that is not the published one."""
        own = "" if self.size == self.application.size else f"-{self.size}"
        return f"{self.application.name}{own}"


def parse(reference: str) -> ApplicationReference:
    """Reads a reference.

    Raises:
        UnknownName: No such network, or no such option; offers the nearest.
        UsageError: A size that no network takes.
    """
    known = {application.name: application for application in networks()}
    name = reference.removeprefix(PREFIX).partition("?")[0]
    if name not in known:
        raise UnknownName("network of keras.applications", name, known)
    _, options = split_options(reference, PREFIX, _OPTIONS, "FILE.h5")
    application = known[name]
    weights = options.get("weights")
    size = size_of(reference, f"{PREFIX}{name}", options, application.size)
    if weights == RANDOM:
        raise UsageError(
            f"{PREFIX}{name} has no random weights",
            why="networks of keras.applications are opened with trained weights alone",
            fix=f"leave weights= out for the published ones, or name a file: {PREFIX}{name}"
            "?weights=FILE.h5; networks of timm and torchvision take weights=random",
        )
    if application.fixed_size and size != application.size:
        raise UsageError(
            f"{name} takes images of {application.size}×{application.size} alone",
            why=application.fixed_size,
            fix="leave the size out",
        )
    return ApplicationReference(
        application=application,
        weights=expanded(weights) if weights else None,
        size=size,
    )


def weights_file(reference: str) -> Path:
    """Where the weights are, or will be once they were fetched."""
    found = parse(reference)
    own = cache_folder() / "keras-applications" / found.application.file
    return own if found.weights is None else found.weights


def fetch_weights(reference: str, emit: OnEvent) -> None:
    """Downloads the published weights unless they are here.

    Raises:
        UsageError: The network is forbidden, and they are not here.
        DownloadFailed: They cannot be had.
        HashMismatch: Another file came than the published one.
    """
    found = parse(reference)
    if found.weights is None:
        application, named = found.application, f"{PREFIX}{found.application.name}"
        fetch_weights_of(
            named,
            application.url,
            weights_file(reference),
            application.hash,
            f"download it elsewhere, and name it: {named}?weights=FILE.h5",
            emit,
        )

"""What users type for a network of keras.applications, and the file of its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from zoo.common.downloads import DownloadFailed, digests_of, download
from zoo.common.errors import UnknownName, UsageError
from zoo.common.paths import OFFLINE_VARIABLE, cache_folder, is_offline
from zoo.common.progress import OnEvent

from .table import Application, networks

PREFIX = "keras:"
_OPTIONS = ("weights", "size")
#: Sides of images that a network can be built for.
_SIZES = (32, 1024)


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
    name, _, query = reference.removeprefix(PREFIX).partition("?")
    known = {application.name: application for application in networks()}
    if name not in known:
        raise UnknownName("network of keras.applications", name, known)
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        # As in the names of datasets, %26 stands for &.
        key, _, value = map(unquote, part.partition("="))
        if key not in _OPTIONS:
            raise UnknownName(f"option of {PREFIX}{name}", key, _OPTIONS)
        if not value or key in options:
            raise UsageError(
                f"{reference}: {key} {'stands twice' if value else 'has no value'}",
                fix=f"write each once, as in {PREFIX}{name}?weights=FILE.h5&size=96",
            )
        options[key] = value
    application = known[name]
    weights, size = options.get("weights"), options.get("size", str(application.size))
    if not re.fullmatch(r"[0-9]{1,4}", size) or not _SIZES[0] <= int(size) <= _SIZES[1]:
        raise UsageError(
            f"{reference}: {size!r} is no size of images",
            why=f"height and width are one number, {_SIZES[0]} to {_SIZES[1]}",
            fix=f"for example {PREFIX}{name}?size=96",
        )
    if application.fixed_size and int(size) != application.size:
        raise UsageError(
            f"{name} takes images of {application.size}×{application.size} alone",
            why=application.fixed_size,
            fix="leave the size out",
        )
    return ApplicationReference(
        application=application,
        weights=Path(weights).expanduser() if weights else None,
        size=int(size),
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
    from zoo.networks.published.pins import pin, pinned

    found = parse(reference)
    if found.weights is not None:
        return
    application, path = found.application, weights_file(reference)
    # Where Keras knows no hash, the one that was seen first must come again.
    expected = application.hash or pinned(application.url)
    if path.is_file() and (not expected or digests_of(path).matches(expected)):
        return
    by_hand = f"download it elsewhere, and name it: {PREFIX}{application.name}?weights=FILE.h5"
    if is_offline():
        raise UsageError(
            f"the weights of {PREFIX}{application.name} are not on this machine",
            why=f"they are {application.url}, and --offline or {OFFLINE_VARIABLE} forbids the "
            "network",
            fix=by_hand,
        )
    emit({"event": "stage", "text": f"downloading {application.url}"})

    def progress(done: int, total: int) -> None:
        if total:
            emit({"event": "progress", "done": done, "total": total})

    try:
        digests = download(application.url, path, expected, progress)
    except DownloadFailed as error:
        raise DownloadFailed(error.what, why=error.why, fix=by_hand) from error
    pin(application.url, digests.sha256)

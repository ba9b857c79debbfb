"""What users type for presets of keras-hub: a folder, or a name with a folder or random weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import UsageError
from zoo.common.files import no_folder, read_file, write_text
from zoo.common.paths import cache_folder, expanded
from zoo.networks.published.pins import pin
from zoo.networks.sources.identity import identity_of
from zoo.networks.sources.named import (
    RANDOM,
    classes_of,
    size_of,
    split_options,
    unknown_network,
)

from .table import PREFIX, HubPreset, by_name

_OPTIONS = ("weights", "size", "classes")
_CLASSES = 1000
#: Bytes of a description of a network: one of a thousand layers takes one megabyte.
MOST_TEXT = 64 << 20
#: The files that describe a preset's network.
BACKBONE, TASK = "config.json", "task.json"


@dataclass(frozen=True, kw_only=True)
class PresetReference:
    """A parsed reference.

    Attributes:
        preset: The one that is named; None of a folder alone.
        folder: That holds its files; None where the library builds the network without them.
        random: Whether its weights are random.
        size: Height and width of its images, if that was asked for.
        classes: Of its outputs, if that was asked for.
        published: Whether the files are those that Kaggle's program put into its own folder.
    """

    preset: HubPreset | None
    folder: Path | None
    random: bool
    size: int | None
    classes: int | None
    published: bool

    @property
    def title(self) -> str:
        """Its name, or the folder's, with the size that was asked for."""
        if self.preset is not None:
            name = self.preset.name
        else:
            assert self.folder is not None
            name = self.folder.name or self.folder.resolve().name
        own = f"-{self.size}" if self.size else ""
        return f"{name.replace('.', '_')}{own}{'-random' if self.random else ''}"

    @property
    def random_text(self) -> str:
        """All that random weights depend on beside the library's version."""
        if self.folder is None:
            assert self.preset is not None
            of = self.preset.architecture
        else:
            of = _digest_of_description(self.folder)
        return f"{of} size={self.size} classes={self.classes} random seed=0\n"


def parse(reference: str) -> PresetReference:
    """Reads a reference.

    Raises:
        UnknownName: No such preset, or no such option; offers the nearest.
        UsageError: It gives no network that can be brought in, or a value is none.
    """
    name, options = split_options(reference, PREFIX, _OPTIONS, "FOLDER")
    preset, named = by_name().get(name), f"{PREFIX}{name}"
    is_folder = preset is None and (
        "/" in name or name[:1] in ("~", ".") or (name and not no_folder(Path(name)))
    )
    if preset is None and not is_folder:
        known = [one.name for one in by_name().values() if one.task]
        raise unknown_network("preset of keras-hub", name, known, f"{PREFIX}*")
    if preset is not None and not preset.task:
        raise UsageError(
            f"{named} is no image classifier",
            why="it is a backbone, which gives features"
            if preset.kind == "Backbone"
            else f"it is a preset of keras-hub's {preset.kind}",
            fix=f'zoo list "{PREFIX}*" lists the classifiers; a folder that keras-hub saved of a '
            f"network with answers of its own: {PREFIX}FOLDER",
        )
    weights, random = options.get("weights"), options.get("weights") == RANDOM
    if is_folder and weights is not None and not random:
        raise UsageError(
            f"{reference}: the weights of a preset lie in its own folder",
            fix=f"leave weights out: {named}; or, for tries, {named}?weights={RANDOM}",
        )
    if preset is not None and random and not preset.architecture:
        raise UsageError(
            f"{named} cannot be built with random weights",
            why="its layers are described in its preset alone",
            fix=f"name a folder with it: {PREFIX}FOLDER?weights={RANDOM}; others by name: "
            + ", ".join(one.name for one in list(by_name().values()) if one.architecture)[:100],
        )
    if is_folder:
        folder: Path | None = expanded(name)
    elif weights is not None:
        folder = None if random else expanded(weights)
    else:
        assert preset is not None
        folder = preset.folder
    asked = "size" in options
    usual = preset.size if preset is not None else 0
    size = size_of(reference, named, options, usual) if asked else (usual if random else None)
    classes = classes_of(reference, named, options, random=random)
    if classes is None and random and folder is None:
        classes = _CLASSES
    return PresetReference(
        preset=preset,
        folder=folder,
        random=random,
        size=size or None,
        classes=classes,
        published=preset is not None and weights is None,
    )


def title(reference: str) -> str:
    """``resnet_18_imagenet``, or the folder's name, with the size that was asked for."""
    return parse(reference).title


def local(reference: str) -> Path:
    """The folder of the preset; of random weights, the file of what makes them."""
    found = parse(reference)
    if not found.random:
        assert found.folder is not None
        return found.folder
    digest = hashlib.sha256(found.random_text.encode()).hexdigest()
    return cache_folder() / "keras-hub" / f"{found.title}-{digest[:8]}.txt"


def fetch_preset(reference: str) -> None:
    """Nothing is downloaded: says how to bring a preset that is not here.

    Raises:
        UsageError: It is not here.
    """
    found = parse(reference)
    if found.random:
        path = local(reference)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, found.random_text)
    elif found.preset is not None and found.published and no_folder(found.preset.folder):
        named, handle = found.preset.reference, found.preset.handle
        raise UsageError(
            f"the preset {named} is not on this machine",
            why=f"it is published on Kaggle, at {handle}, and is not in {found.preset.folder}, "
            "the folder of kagglehub",
            fix="where kagglehub is installed (pip install kagglehub), "
            f"python -c \"import kagglehub; print(kagglehub.model_download('{handle}'))\" fetches "
            f"it there and prints the folder; one from elsewhere: {named}?weights=FOLDER",
        )
    elif found.folder is not None and (problem := no_folder(found.folder)):
        raise UsageError(problem, fix=f"check the path: {PREFIX}FOLDER names a folder")


def record_hash(reference: str) -> None:
    """Records the SHA-256 of a published preset's files at first sight.

    Raises:
        HashMismatch: Other files were seen before.
    """
    found = parse(reference)
    if found.preset is not None and found.published:
        pin(found.preset.address, identity_of(found.preset.folder))


def _digest_of_description(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (BACKBONE, TASK):
        path = folder / name
        digest.update(read_file(path, MOST_TEXT) if path.is_file() else b"")
    return digest.hexdigest()

"""What users type for a network of timm or torchvision, and the file of its weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import UnknownName, UsageError
from zoo.common.paths import cache_folder, expanded
from zoo.contracts.weights import hash_in_name
from zoo.networks.sources.named import (
    RANDOM,
    classes_of,
    size_of,
    split_options,
    unknown_network,
)

from .table import LibraryNetwork, by_name

_OPTIONS = ("weights", "size", "classes")
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True, kw_only=True)
class NameReference:
    """A parsed ``timm:NAME?weights=FILE&size=96``.

    Attributes:
        network: Of the library.
        weights: The user's file; None for the published weights, or random ones.
        random: Whether its weights are random.
        size: Height and width of its images.
        classes: That random weights are made for; None for those of the published ones.
    """

    network: LibraryNetwork
    weights: Path | None
    random: bool
    size: int
    classes: int | None

    @property
    def title(self) -> str:
        """Its name, with that of the weights and the size where they are not the usual ones."""
        own = "" if self.size == self.network.size else f"-{self.size}"
        name = self.network.architecture if self.network.usual else self.network.name
        return f"{name.replace('.', '_')}{own}"

    @property
    def random_text(self) -> str:
        """All that random weights depend on beside the library's version."""
        count = self.network.classes if self.classes is None else self.classes
        return f"{self.network.reference} size={self.size} classes={count} random seed=0\n"


def parse(reference: str) -> NameReference:
    """Reads a reference.

    Raises:
        UnknownName: No such network, or no such option; offers the nearest.
        UsageError: No image classifier, or a value that is none.
    """
    library, _, rest = reference.partition(":")
    name = rest.partition("?")[0]
    network = by_name(library).get(name)
    named = f"{library}:{name}"
    if network is None:
        architecture, _, tag = name.partition(".")
        if tags := [key for key in by_name(library) if key.startswith(f"{architecture}.")]:
            tags = [key.partition(".")[2] for key in tags]
            raise UnknownName(f"weights of {library}:{architecture}", tag, tags)
        known = [key for key, row in by_name(library).items() if row.classes]
        raise unknown_network(f"network of {library}", name, known, f"{library}:*")
    if not network.classes:
        raise UsageError(
            f"{named} is no image classifier",
            why="its outputs are features, or of another task",
            fix=f'`zoo list "{library}:*"` lists the classifiers',
        )
    _, options = split_options(reference, f"{library}:", _OPTIONS, "FILE.safetensors")
    weights = options.get("weights")
    if weights not in (None, RANDOM) and not str(weights).lower().endswith(_SUFFIXES):
        raise UsageError(
            f"{reference}: {weights} is no file of weights",
            why=f"they end in {', '.join(_SUFFIXES)}",
            fix="torch.save(module.state_dict(), 'weights.pth')",
        )
    if weights is None and not network.published:
        raise UsageError(
            f"{library} has no published weights of {named}",
            fix=f"bring your own: {named}?weights=FILE; or, for tries, {named}?weights={RANDOM}",
        )
    return NameReference(
        network=network,
        weights=expanded(weights) if weights and weights != RANDOM else None,
        random=weights == RANDOM,
        size=size_of(reference, named, options, network.size),
        classes=classes_of(reference, named, options, random=weights == RANDOM),
    )


def weights_file(reference: str) -> Path:
    """Where the weights are, or will be once they were fetched; of random ones, what makes them."""
    found = parse(reference)
    if found.weights is not None:
        return found.weights
    network, folder = found.network, cache_folder() / found.network.library
    if found.random:
        digest = hashlib.sha256(found.random_text.encode()).hexdigest()
        return folder / f"{network.name}.random-{digest[:8]}.txt"
    if network.url and hash_in_name(network.url):
        return folder / network.url.rpartition("/")[2]
    suffix = Path(network.url).suffix if network.url else ".safetensors"
    return folder / f"{network.name}{suffix}"

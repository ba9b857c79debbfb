"""The networks of timm and torchvision: sizes, preprocessing, published weights.

As the libraries have them: `make_tables.py` writes the tables, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zoo.contracts import NamedNetwork
from zoo.contracts.weights import hash_in_name

#: Normalizations that have a name, or shorter words than their numbers.
_NORMALIZATIONS = {
    "imagenet": "mean=0.485,0.456,0.406 std=0.229,0.224,0.225",
    "0,0,0;1,1,1": "0..1",
    "0.5,0.5,0.5;0.5,0.5,0.5": "-1..1",
}
#: In the place of an address: none are published; those of timm's own page on the hub; of another.
_NONE, _ON_HUB = "-", "hub"
HUB = "https://huggingface.co"
_PAGES = {
    "timm": f"{HUB}/docs/timm",
    "torchvision": "https://docs.pytorch.org/vision/stable/models.html",
}


@dataclass(frozen=True, kw_only=True)
class LibraryNetwork:
    """A network of a library, with one of the weights that are published for it.

    Attributes:
        library: ``timm`` or ``torchvision``.
        name: ``resnet18.a1_in1k``; the architecture alone where no weights are published.
        usual: Whether these weights are meant by the architecture's name alone.
        size: Height and width of the images that it was trained on.
        stated: What its input is, in the words of ``--input``.
        classes: Of its outputs; 0 of what is no image classifier.
        licence: Of the weights.
        repository: On the Hugging Face hub, of the weights; empty where they lie elsewhere.
        url: Of the weights elsewhere; empty where they lie there, or are not published.
        parameters: All weights; 0 where it is not known.
        otherwise: What the library does with pictures and is not done here, a sentence each.
    """

    library: str
    name: str
    usual: bool
    size: int
    stated: str
    classes: int
    licence: str
    repository: str
    url: str
    parameters: int
    otherwise: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """Its name without that of the weights."""
        return self.name.partition(".")[0]

    @property
    def published(self) -> bool:
        """Whether there are weights to download."""
        return bool(self.repository or self.url)

    @property
    def reference(self) -> str:
        """What users type for it."""
        return f"{self.library}:{self.name}"


@cache
def networks(library: str) -> tuple[LibraryNetwork, ...]:
    """All of a library, from the table beside this file."""
    text = files(__package__).joinpath(f"{library}.tsv").read_text(encoding="utf-8")
    made: list[LibraryNetwork] = []
    seen: set[str] = set()
    for line in text.splitlines():
        if line[:1] == "#":
            continue
        fields = line.split("\t")
        name, size, normalization, resize, resampling, classes, licence, place, count, tested = (
            fields
        )
        architecture = name.partition(".")[0]
        kind, _, other = place.partition(":")
        hub = kind == _ON_HUB
        words = ["rgb", _words(normalization), _resize(resize), resampling]
        made.append(
            LibraryNetwork(
                library=library,
                name=name,
                usual=architecture not in seen,
                size=int(size),
                stated=" ".join(words),
                classes=int(classes),
                licence=licence,
                repository=(other or f"timm/{name}") if hub else "",
                url="" if hub or place == _NONE else place,
                parameters=int(count),
                otherwise=tuple(_otherwise(resize, tested)),
            )
        )
        seen.add(architecture)
    return tuple(made)


def _words(normalization: str) -> str:
    if words := _NORMALIZATIONS.get(normalization):
        return words
    mean, std = normalization.split(";")
    return f"mean={mean} std={std}"


def _resize(resize: str) -> str:
    mode = resize.partition("=")[0]
    if mode.isalpha():
        return mode
    return "crop" if float(resize) >= 1 else f"crop={resize}"


def _otherwise(resize: str, tested: str) -> Iterator[str]:
    mode, _, share = resize.partition("=")
    if share:
        yield (
            "its library stretches pictures beyond the input and cuts out the middle, "
            f"{share} of each side; here whole pictures are stretched"
        )
    if not mode.isalpha() and float(mode) > 1:
        yield (
            f"its library makes pictures smaller than the input, by {mode}, with a black border; "
            "here they fill it"
        )
    if tested != "-":
        side, _, cut = tested.partition("/")
        yield (
            f"its library measures it on images of {side}x{side} with crop={cut}, and not as it "
            f"was trained: that is ?size={side} and --input crop={cut}"
        )


@cache
def by_name(library: str) -> dict[str, LibraryNetwork]:
    """All of a library by what users may type: with the name of the weights, or without."""
    rows = networks(library)
    usual = {row.architecture: row for row in rows if row.usual}
    return {**usual, **{row.name: row for row in rows}}


def described(network: LibraryNetwork) -> NamedNetwork:
    """A row of ``zoo list``."""
    address = hub_address(network.repository) if network.repository else network.url
    short = f"{network.library}:{network.architecture}"
    return NamedNetwork(
        name=network.reference,
        also=(short,) if network.usual and short != network.reference else (),
        task="image-classification",
        input=f"{network.size}x{network.size} {network.stated}",
        licence=network.licence,
        weights=address,
        hash=hash_in_name(network.url),
        page=f"{HUB}/{network.repository}" if network.repository else _PAGES[network.library],
        parameters=network.parameters,
        remarks=network.otherwise,
    )


def hub_address(
    repository: str, host: str = "https://huggingface.co", kind: str = "resolve"
) -> str:
    """Address of the weights in a repository of the hub.

    Args:
        repository: ``owner/name``.
        host: The hub, or a mirror of it.
        kind: ``resolve`` for the file, ``raw`` for the pointer with its size and SHA-256.
    """
    return f"{host}/{repository}/{kind}/main/model.safetensors"

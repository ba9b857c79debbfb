"""Mapping of names inside a file to Keras layers.

Converters keep the path of each operation in the names of tensors and nodes:
``functional_1/resnet8_1/stem_relu_1/Relu;functional_1/resnet8_1/stem_conv_1/convolution``. A part
of a path is a layer's name, perhaps with the number that tracing a second time adds to all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_PARTS = re.compile(r"[/;]")
_NUMBER = re.compile(r"_\d+\Z")
#: Parts of paths that no layer is called by, where the layers' names are unknown.
_NOT_LAYERS = re.compile(
    r"(functional|StatefulPartitionedCall|PartitionedCall|const|new_shape|tfl?\b).*", re.IGNORECASE
)


class LayerNames:
    """Finds layers in names.

    Args:
        layers: Names of the network's layers in its order; empty when unknown.
        names: Every name in the file, from which the number that tracing added is found.
    """

    def __init__(self, layers: Sequence[str], names: Iterable[str]) -> None:
        self._order = {name: place for place, name in enumerate(layers)}
        parts = {part for name in names for part in _PARTS.split(name)}
        self._suffix = max(self._suffixes(parts), key=lambda s: self._found(s, parts), default="")

    def _suffixes(self, parts: set[str]) -> list[str]:
        numbers = {found[0] for part in parts if (found := _NUMBER.search(part))}
        return ["", *sorted(numbers)]

    def _found(self, suffix: str, parts: set[str]) -> int:
        return sum(1 for name in self._order if name + suffix in parts)

    def of(self, *names: str) -> tuple[str, ...]:
        """The layers that these names belong to, in the network's order, each once."""
        parts = [part for name in names for part in _PARTS.split(name)]
        if not self._order:
            return tuple(dict.fromkeys(found for name in names for found in _inferred(name)))
        found = {layer for part in parts if (layer := self._layer(part)) is not None}
        return tuple(sorted(found, key=self._order.__getitem__))

    def _layer(self, part: str) -> str | None:
        if self._suffix and part.endswith(self._suffix):
            named = part.removesuffix(self._suffix)
            if named in self._order:
                return named
        if part in self._order:
            return part
        named = _NUMBER.sub("", part)
        return named if named in self._order else None


def _inferred(name: str) -> list[str]:
    """The last part but one of each path: that of the layer whose operation is the last part.

    A path of one part is a layer whose operation's name was left out.
    """
    found = []
    for path in name.split(";"):
        parts = path.split("/")
        scopes = [p for p in parts[:-1] or parts if p and not _NOT_LAYERS.match(p)]
        inner = [p for p in scopes if p not in ("batchnorm", "while", "body")]
        found += [_NUMBER.sub("", part) for part in inner[-1:]]
    return found


def with_nameless(
    found: Sequence[tuple[str, ...]], layers: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """The layers of operators in order, with nameless ones inferred where unambiguous.

    Converters drop the name of a network's last operator, for one. An operator without a name is
    the layer between its neighbours' that no other operator mentions, if there is only one.
    """
    order = {name: place for place, name in enumerate(layers)}
    named = {name for own in found for name in own}
    filled = list(found)
    for number, own in enumerate(found):
        if own:
            continue
        before = [order[n] for each in found[:number] for n in each if n in order]
        after = [order[n] for each in found[number + 1 :] for n in each if n in order]
        low, high = max(before, default=-1), min(after, default=len(layers))
        between = [name for name in layers[low + 1 : high] if name not in named]
        if len(between) == 1:
            filled[number] = (between[0],)
    return tuple(filled)

"""Kinds of heads: what a detector returns, how boxes follow from it, and what it learns by.

A network names its head in what its outputs are decoded with (`zoo.contracts.Variant.decoding`);
without a name it is a grid of centres.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UnknownName
from zoo.contracts.anchors import HEAD, OF_ANCHORS, Anchors

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: The name of a grid of centres.
CENTRES = "centres"


class Head(ABC):
    """One kind of outputs; their last axis is one probability per class, then four values."""

    @abstractmethod
    def decode(self, outputs: Array) -> Array:
        """Detections, float32 (examples, 100, 6); see `zoo.tasks.object_detection.decoding`."""

    @abstractmethod
    def decode_in_graph(self, outputs: Any) -> tuple[Any, Any, Any, Any]:
        """The same in TensorFlow; see `zoo.tasks.object_detection.graph_decoding`."""

    @abstractmethod
    def loss(self, labels: Any, logits: Any) -> Any:
        """The loss of each picture, float32 (batch,); see `detection_loss`."""

    @abstractmethod
    def recorded(self) -> dict[str, float | str]:
        """What outputs are decoded with, for a card or a manifest."""


class CentreHead(Head):
    """A grid of centres, (examples, rows, columns, classes + 4)."""

    def decode(self, outputs: Array) -> Array:
        """Detections of each picture."""
        from zoo.tasks.object_detection.decoding import decode

        return decode(outputs)

    def decode_in_graph(self, outputs: Any) -> tuple[Any, Any, Any, Any]:
        """Edges, classes, scores and count of one picture."""
        from zoo.tasks.object_detection.graph_decoding import centres_in_graph

        return centres_in_graph(outputs)

    def loss(self, labels: Any, logits: Any) -> Any:
        """The loss of each picture."""
        from zoo.tasks.object_detection.loss import detection_loss

        return detection_loss(labels, logits)

    def recorded(self) -> dict[str, float | str]:
        """What a card or a manifest says."""
        return {}


class AnchorHead(Head):
    """Anchors, (examples, anchors, classes + 4).

    Args:
        anchors: Where they are.
    """

    def __init__(self, anchors: Anchors) -> None:
        self.anchors = anchors

    def decode(self, outputs: Array) -> Array:
        """Detections of each picture."""
        from zoo.tasks.object_detection.anchor_decoding import decode_anchors

        return decode_anchors(outputs, self.anchors)

    def decode_in_graph(self, outputs: Any) -> tuple[Any, Any, Any, Any]:
        """Edges, classes, scores and count of one picture."""
        from zoo.tasks.object_detection.graph_decoding import anchors_in_graph

        return anchors_in_graph(outputs, self.anchors)

    def loss(self, labels: Any, logits: Any) -> Any:
        """The loss of each picture."""
        from zoo.tasks.object_detection.anchor_loss import anchor_loss

        return anchor_loss(labels, logits, self.anchors.boxes())

    def recorded(self) -> dict[str, float | str]:
        """What a card or a manifest says."""
        return self.anchors.recorded()


def head_of(decoding: Mapping[str, float | str]) -> Head:
    """The head that a card, a manifest or a network's record names.

    Raises:
        UnknownName: There is no such head.
        BadFile: Its record cannot be read.
    """
    name = str(decoding.get(HEAD, CENTRES))
    if name == CENTRES:
        return CentreHead()
    if name != OF_ANCHORS:
        raise UnknownName("head of detectors", name, (CENTRES, OF_ANCHORS))
    return AnchorHead(Anchors.read(decoding))

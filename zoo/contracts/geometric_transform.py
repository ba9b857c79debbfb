"""Where the places of pictures went that an augmentation mirrored, turned or shifted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from zoo.contracts.dataset import IGNORED


class GeometricTransform(ABC):
    """How each picture of a batch was moved, for labels that follow its pixels."""

    @abstractmethod
    def apply_to_map(self, labels: Any, outside: float = IGNORED) -> Any:
        """Labels of every place, moved as the pictures were: masks, depths.

        Args:
            labels: TensorFlow tensor, (batch, height, width) or (batch, height, width, channels);
                of any height and width, that spans the whole picture.
            outside: Label of what came in from outside of the picture.

        Returns:
            The same shape and type; each place has a label that was there, or `outside`.
        """

    @abstractmethod
    def apply_to_points(self, points: Any) -> Any:
        """Places of a picture, moved as the pictures were: key points, corners.

        Args:
            points: float32 tensor, (batch, …, 2): x and y in pixels of the network's input, where
                0 is the middle of the first one.

        Returns:
            The same shape; points may lie outside of the picture then.
        """

    @abstractmethod
    def apply_to_boxes(self, boxes: Any, least_visible: float = 0.25) -> Any:
        """Boxes of a picture, moved as the pictures were, and cut at its edges.

        A turned box becomes the box around it, which is larger.

        Args:
            boxes: float32 tensor, (batch, boxes, 5): class index, y_min, x_min, y_max, x_max as
                shares of the network's input; padding has class -1.
            least_visible: A box of whose area a smaller share stays inside is dropped.

        Returns:
            The same shape; what was dropped is padding: class -1, and zeros.
        """

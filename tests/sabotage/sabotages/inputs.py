"""Other inputs than those that were given, and state of inputs before."""

from __future__ import annotations

import numpy as np

from ..network import Network
from .sabotage import need, sabotage


@sabotage("raw values × 0.9")
def pixels_0_9(network: Network) -> None:
    factor, _ = network.normalization()
    factor.write(factor.read() * 0.9)


@sabotage("the mean is not subtracted")
def mean_missing(network: Network) -> None:
    _, offset = network.normalization()
    need(bool(offset.read().any()), "the mean is zero")
    offset.write(np.zeros_like(offset.read()))


@sabotage("the deviation is not divided by")
def deviation_missing(network: Network) -> None:
    factor, offset = network.normalization()
    factor.write(factor.read() / 2.0)
    offset.write(offset.read() / 2.0)


@sabotage("height and width of the picture are exchanged")
def picture_transposed(network: Network) -> None:
    network.transpose_input()


@sabotage("the picture is mirrored")
def picture_mirrored(network: Network) -> None:
    need(len([layer for layer in network.layers if layer.spatial]) > 0, "the input is no picture")
    network.reverse_input(2)


@sabotage("each pixel is the mean of four, as by another way to resize")
def picture_blurred(network: Network) -> None:
    network.blur_input()


# Time.


@sabotage("the sequence runs backwards")
def time_reversed(network: Network) -> None:
    network.require_sequence()
    network.reverse_input(1)


@sabotage("the recurrent layer begins with a state that is left of something else")
def stale_state(network: Network) -> None:
    network.require_sequence()
    network.stale_state()


@sabotage("half of the answer is that to the input before: state that nobody resets")
def answer_remembered(network: Network) -> None:
    network.remember()

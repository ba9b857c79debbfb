"""Other operators."""

from __future__ import annotations

from ..network import Network
from .sabotage import sabotage


@sabotage("the first rectifier is left out")
def activation_dropped(network: Network) -> None:
    network.drop_activation()


@sabotage("what the softmax takes is rectified")
def output_rectified(network: Network) -> None:
    network.rectify_output()


@sabotage("the first pooling takes the mean for the greatest, or the other way round")
def pooling_exchanged(network: Network) -> None:
    network.exchange_pooling()


@sabotage("the first residual connection is left out")
def addition_dropped(network: Network) -> None:
    network.drop_addition()


@sabotage("a convolution is padded at one side alone")
def padding_shifted(network: Network) -> None:
    network.shift_padding()


@sabotage("a kernel is dilated; all shapes still fit")
def kernel_dilated(network: Network) -> None:
    network.dilate()


@sabotage("input and forget gates of the recurrent layer are exchanged")
def gates_exchanged(network: Network) -> None:
    network.exchange_gates()

"""The sabotages of networks, in the order of the page."""

from . import answers, biases, inputs, integers, operators, weights
from .sabotage import Sabotage

SABOTAGES = tuple(
    one
    for module in (weights, biases, integers, operators, answers, inputs)
    for one in vars(module).values()
    if isinstance(one, Sabotage)
)

__all__ = ["SABOTAGES", "Sabotage"]

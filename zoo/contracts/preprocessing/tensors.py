"""Inputs of networks whose meaning only their author knows."""

from __future__ import annotations

#: Name of the task of such networks.
TENSORS = "tensors"

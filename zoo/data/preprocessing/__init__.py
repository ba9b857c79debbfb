"""Preprocessing: the only path from a raw example to a network input."""

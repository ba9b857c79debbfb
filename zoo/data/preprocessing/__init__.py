"""The one path from a raw example to a network input."""

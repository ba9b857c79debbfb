"""Official weights: download, verification, conversion to checkpoints."""

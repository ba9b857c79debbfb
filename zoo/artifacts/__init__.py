"""A file and its manifest, golden samples, the gate, the developer bundle."""

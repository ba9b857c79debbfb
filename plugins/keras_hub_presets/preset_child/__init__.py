"""A program of the zoo's Python that finds keras-hub's packages: opens presets, and answers."""

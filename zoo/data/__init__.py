"""Built-in datasets, and the path from raw examples to network inputs."""

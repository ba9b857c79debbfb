"""Built-in architectures, one file per family."""

"""Built-in tasks: loss, metrics, comparison of outputs."""

"""Built-in tasks: loss, metrics, and how two outputs are compared."""

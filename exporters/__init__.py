"""Built-in file formats, one package each."""

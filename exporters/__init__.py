"""Built-in file formats, one file each."""

"""The public functions: everything that the command line does, from Python."""

"""Networks and their weights: build, find, load, verify, convert published ones."""

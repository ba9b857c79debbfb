"""The store by which finished steps and inputs move between machines, each file by its SHA-256."""

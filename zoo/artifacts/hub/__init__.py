"""Proven files on model hubs: cards, and repositories that they are moved to and from."""

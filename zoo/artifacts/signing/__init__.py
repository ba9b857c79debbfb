"""Signatures of files and folders by a key of one's own."""

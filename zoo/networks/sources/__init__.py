"""Trained networks from elsewhere: opened, matched with data, and converted."""

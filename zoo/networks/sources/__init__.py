"""Trained networks from elsewhere: opened, proved to take what the data give, and converted."""

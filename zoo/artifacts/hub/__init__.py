"""Proven files on model hubs: cards, uploads and downloads."""

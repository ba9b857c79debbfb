"""Bundles for app developers: a folder made from one file by ``zoo bundle``."""

from __future__ import annotations

from zoo.artifacts.bundle.folder import Bundle, bundle

__all__ = ["Bundle", "bundle"]

"""``zoo bundle``: the folder that an app developer wants, made from one file."""

from __future__ import annotations

from zoo.artifacts.bundle.folder import Bundle, bundle

__all__ = ["Bundle", "bundle"]

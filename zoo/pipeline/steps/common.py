"""What every step starts with: the records behind the names in a recipe."""

from __future__ import annotations

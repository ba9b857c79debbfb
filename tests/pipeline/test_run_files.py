"""What prompts and notebooks show of results: short, and never more than text."""

from __future__ import annotations

from zoo.api import views as views

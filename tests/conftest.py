"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow; no test may fail for that.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

# A busy machine is slow; no test may fail for that.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A shell starts its background jobs deaf to Ctrl-C, and they bear deaf children: the programs that
# tests interrupt would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

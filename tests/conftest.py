"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

# A busy machine is slow; no test may fail for that. Whoever tests a change meets the same examples
# as everybody else, so that a failure is the change's own.
settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
# Said in full, since hypothesis takes other defaults where it finds a CI service: the same examples
# each time, too.
settings.register_profile(
    "random", deadline=None, derandomize=False, database=None, max_examples=1000, print_blob=True
)
settings.load_profile("fixed")

# A shell starts its background jobs deaf to Ctrl-C, and they bear deaf children: the programs that
# tests interrupt would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

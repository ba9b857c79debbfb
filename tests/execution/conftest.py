"""What the tests of this room share: agents that are scripts."""

from scripted_agent import scripted as scripted

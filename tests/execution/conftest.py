"""What the tests of this room share: agents that are scripts."""

from scripted_agent import hostile as hostile
from scripted_agent import scripted as scripted

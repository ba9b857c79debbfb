# /// script
# requires-python = ">=3.9"
# dependencies = ["numpy>=1.21"]
# ///
"""Starts the agent, from this folder or from the archive that is made of it."""

import sys

from zoo_agent.main import main  # type: ignore[import-not-found] # its name where it runs

if __name__ == "__main__":
    sys.exit(main())

"""Requests for one preset on standard input, a line of JSON each; answers on standard output.

Its arguments are the folder of keras-hub's packages, empty where they are beside the zoo, and the
folder where files are exchanged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...torch_files.torch_child.main import serve


def main() -> int:
    """Serves standard input to its end."""
    packages = sys.argv.pop(1)
    if packages != ".":
        # Behind the zoo's own, whose Keras and TensorFlow they are used with.
        sys.path.append(packages)

    def made(folder: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
        from .network import PresetNetwork

        return PresetNetwork(folder).serve

    return serve(made)


if __name__ == "__main__":
    sys.exit(main())

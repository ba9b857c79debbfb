"""Requests on standard input, a line of JSON each; answers, a line each, on standard output.

Arrays travel in files of the folder that is the only argument.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .refusal import RefusedError, first_line

_LIMIT = "ZOO_CHILD_MEMORY"


def main() -> int:
    """Serves requests of PyTorch's networks."""

    def made(folder: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
        from .network import Network

        return Network(folder).serve

    return serve(made)


def serve(make: Callable[[Path], Callable[[dict[str, Any]], dict[str, Any]]]) -> int:
    """Serves standard input to its end; ends with it, whatever is being computed.

    Args:
        make: Gives what answers a request, for the folder where files are exchanged.
    """
    _limit_memory()
    # Users' files and libraries print: answers get a private copy of standard output.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    warnings.simplefilter("ignore")
    answer_to = make(Path(sys.argv[1]))
    for line in _lines():
        request = json.loads(line)
        try:
            answer = {"ok": True, **answer_to(request)}
        except RefusedError as error:
            answer = {"ok": False, **error.sentences}
        except MemoryError as error:
            answer = {"ok": False, "kind": "MemoryError", "why": first_line(error)}
        # Whatever the library raises: the zoo says what was being done.
        except Exception as error:
            import traceback

            traceback.print_exc()
            name, why = type(error).__name__, first_line(error)
            answer = {"ok": False, "kind": "Exception", "why": f"{name}: {why}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def _lines() -> Iterator[str]:
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            waiting.put(line)
        # The zoo is gone, and with it who would take the answer.
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield waiting.get()


def _limit_memory() -> None:
    limit = os.environ.pop(_LIMIT, "")
    if not limit:
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))


if __name__ == "__main__":
    sys.exit(main())

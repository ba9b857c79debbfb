"""A process of a worker that performs orders: JSON lines on its input and output.

``{"order": TEXT}`` and ``{"cancel": ID}`` come in; ``{"id": ID, "event": …}``,
``{"id": ID, "answer": TEXT}`` and ``{"id": ID, "outdated": true}`` go out: the last one where code
was changed since it began and the order is another command's. The end of the input ends it, and its
children with it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from zoo.common import telemetry
from zoo.common.code_changes import code_changed_since
from zoo.common.progress import Event
from zoo.common.worker import Children
from zoo.pipeline.executors.order import OrderAnswer, OrderText, refusal_of


def main(began: float) -> None:
    """Serves orders until the input ends.

    Args:
        began: When this process was started, in seconds since 1970.
    """
    telemetry.switch_off_modules()
    # What libraries print must not get among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    writing = threading.Lock()
    running: dict[str, Children] = {}
    session = None

    def write(message: dict[str, Any]) -> None:
        text = json.dumps(message, default=str)
        with writing:
            answers.write(text + "\n")
            answers.flush()

    def perform(order: OrderText, children: Children) -> None:
        def emit(event: Event) -> None:
            write({"id": order.id, "event": event})

        try:
            from zoo.pipeline.executors.performing import perform

            answer = perform(order, emit, children)
        # Whatever a plugin raises while the plan is made is an answer, too.
        except BaseException as error:
            answer = OrderAnswer(refusal=refusal_of(error))
        running.pop(order.id, None)
        write({"id": order.id, "answer": answer.text()})

    for line in sys.stdin:
        message = json.loads(line)
        if "cancel" in message:
            if (children := running.get(message["cancel"])) is not None:
                children.stop_all()
            continue
        order = OrderText.read(message["order"])
        if session not in (None, order.session) and code_changed_since(began):
            write({"id": order.id, "outdated": True})
            continue
        session = order.session
        children = running[order.id] = Children()
        threading.Thread(target=perform, args=(order, children), daemon=True).start()
    for children in list(running.values()):
        children.stop_all()
    answers.flush()
    os._exit(0)  # the threads may be waiting for what will not come


if __name__ == "__main__":
    main(float(sys.argv[1]))

"""A PostgreSQL server that takes a question and never answers: the connection is given up."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

#: Seconds for each answer. The network may be fine, so that nothing else ends the wait: the server
#: hangs, a proxy keeps the connection open, or another program holds a lock.
ANSWER_SECONDS = 120.0


def limit_answers(engine: sa.Engine, seconds: float | None = None) -> None:
    """Ends connections of psycopg whose server does not answer in time; as an error of its own."""
    if engine.dialect.driver != "psycopg":
        return

    def connected(dialect: sa.Dialect, record: Any, positional: Any, named: Any) -> Any:
        return _connection_class(seconds).connect(*positional, **named)

    sa.event.listen(engine, "do_connect", connected)


@lru_cache
def _connection_class(seconds: float | None) -> Any:
    import psycopg

    class TimedConnection(psycopg.Connection[Any]):
        """Later versions of psycopg have a limit in the library itself, but not for users."""

        def wait(self, *given: Any, **named: Any) -> Any:
            """All that waits for the server comes by here."""
            late = threading.Event()
            limit = ANSWER_SECONDS if seconds is None else seconds

            def give_up() -> None:
                late.set()
                with suppress(OSError), socket.socket(fileno=os.dup(self.pgconn.socket)) as end:
                    end.shutdown(socket.SHUT_RDWR)

            timer = threading.Timer(limit, give_up)
            timer.daemon = True
            timer.start()
            try:
                return super().wait(*given, **named)
            except psycopg.OperationalError as error:
                if late.is_set():
                    message = f"the server did not answer within {limit:g} s"
                    raise psycopg.OperationalError(message) from error
                raise
            finally:
                timer.cancel()

    return TimedConnection

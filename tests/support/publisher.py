"""A publisher on this machine: real HTTP, with files that can be changed under the reader."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Publisher:
    """What is served, and what was asked for.

    Attributes:
        address: ``http://127.0.0.1:…``.
        files: Content by path; a list serves its next item each time, and its last for ever.
        asked: Method and path of each request.
        announced: Sizes that differ from the truth, by path.
    """

    address: str = ""
    files: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    announced: dict[str, int] = field(default_factory=dict)

    def content(self, path: str, take: bool) -> bytes | None:
        found = self.files.get(path)
        if isinstance(found, list):
            return found.pop(0) if take and len(found) > 1 else found[0]
        return found


@contextmanager
def publishing() -> Iterator[Publisher]:
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            publisher.asked.append(f"{self.command} {self.path}")
            content = publisher.content(self.path, take=body)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            size = publisher.announced.get(self.path, len(content))
            self.send_header("Content-Length", str(size))
            # As the Hugging Face hub describes large files.
            first = publisher.files[self.path]
            named = first[-1] if isinstance(first, list) else first
            digest = hashlib.sha256(named).hexdigest()
            self.send_header("ETag", f'"{digest}"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Tests print what they want."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    publisher.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

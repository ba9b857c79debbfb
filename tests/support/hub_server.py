"""A Hugging Face hub on this machine: real HTTP, as its own client speaks it; commits in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

#: Files of so many bytes are large ones, which go another way.
LARGE = 20_000
TOKEN = "hf_secretsecretsecret"


@dataclass
class Hub:
    """What it holds, and what was asked for.

    Attributes:
        address: ``http://127.0.0.1:…``.
        repositories: Content by path, by ``owner/name``.
        asked: Method and path of each request.
        unreachable: A path whose content is refused by the server's own fault.
        refused: A path whose content is given to nobody.
        in_between: Called once, when a commit is prepared: what somebody else does meanwhile.
    """

    address: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unreachable: str = ""
    refused: str = ""
    in_between: Callable[[], None] | None = None

    def commit(self, repository: str) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for path, content in sorted(self.repositories[repository].items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()


@contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def send(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def tell(self, told: Any, status: int = 200, **headers: str) -> None:
            self.send(status, json.dumps(told).encode(), Content_Type="application/json", **headers)

        def refused(self) -> bool:
            hub.asked.append(f"{self.command} {self.path}")
            return self.headers.get("Authorization") not in (None, f"Bearer {TOKEN}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.refused() or "Authorization" not in self.headers:
                self.tell({"error": f"not allowed: {TOKEN}"}, 401)
                return
            path = urlsplit(self.path).path
            if hub.in_between is not None and "/api/validate-yaml" not in path:
                hub.in_between()
                hub.in_between = None
            if path == "/api/repos/create":
                asked = json.loads(body)
                name = f"{asked.get('organization') or 'ana'}/{asked['name']}"
                hub.repositories.setdefault(name, {})
                self.tell({"url": f"{hub.address}/{name}"})
            elif path == "/api/validate-yaml":
                self.tell({"errors": [], "warnings": []})
            elif path.endswith("/preupload/main"):
                files = json.loads(body)["files"]
                modes = ["lfs" if one["size"] > LARGE else "regular" for one in files]
                told = [
                    {"path": one["path"], "uploadMode": mode, "shouldIgnore": False}
                    for one, mode in zip(files, modes, strict=True)
                ]
                self.tell({"files": told})
            elif path.endswith("/info/lfs/objects/batch"):
                objects = [
                    {**one, "actions": {"upload": {"href": f"{hub.address}/large/{one['oid']}"}}}
                    for one in json.loads(body)["objects"]
                ]
                self.tell({"transfer": "basic", "objects": objects})
            elif "/commit/" in path:
                self.commit(path.split("/commit/")[0].removeprefix("/api/models/"), body)
            else:
                self.send(404)

        def commit(self, name: str, body: bytes) -> None:
            lines = [json.loads(line) for line in body.splitlines()]
            (header,) = [line["value"] for line in lines if line["key"] == "header"]
            parent = header.get("parentCommit")
            if parent is not None and parent != hub.commit(name):
                self.tell({"error": "the parent is another"}, 412)
                return
            hub.messages.append(header["summary"])
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    content = base64.b64decode(value["content"])
                    hub.repositories[name][value["path"]] = content
                if line["key"] == "lfsFile":
                    hub.repositories[name][value["path"]] = hub.large[value["oid"]]
            self.tell(
                {
                    "success": True,
                    "commitOid": hub.commit(name),
                    "commitUrl": f"{hub.address}/{name}/commit/{hub.commit(name)}",
                    "pullRequestUrl": None,
                }
            )

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hub.asked.append(f"{self.command} {self.path}")
            hub.large[hashlib.sha256(content).hexdigest()] = content
            self.send(200)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            if self.refused():
                self.tell({"error": f"not allowed: {TOKEN}"}, 401)
                return
            path = unquote(urlsplit(self.path).path)
            if path.startswith("/api/models/"):
                self.describe("/".join(path.split("/")[3:5]))
                return
            name, _, rest = path.removeprefix("/").partition("/resolve/")
            content = hub.repositories.get(name, {}).get(rest.partition("/")[2])
            if content is None:
                self.send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=hub.commit(name))
                return
            if hub.unreachable and rest.endswith(hub.unreachable):
                self.send(501)
                return
            if hub.refused and rest.endswith(hub.refused):
                self.send(403)
                return
            tag = hashlib.sha256(content).hexdigest()
            about = {"ETag": f'"{tag}"', "X_Repo_Commit": hub.commit(name)}
            asked = self.headers.get("Range", "")
            start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
            if start:
                about["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send(206 if start else 200, content[start:], **about)

        def describe(self, name: str) -> None:
            if name not in hub.repositories:
                self.tell({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
                return
            files = []
            for path, content in hub.repositories[name].items():
                blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
                about: dict[str, Any] = {"rfilename": path, "size": len(content)}
                about["blobId"] = blob.hexdigest()
                if len(content) > LARGE:
                    sha256 = hashlib.sha256(content).hexdigest()
                    about["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
                files.append(about)
            self.tell({"id": name, "sha": hub.commit(name), "siblings": files, "tags": []})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

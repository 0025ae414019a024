"""A hub on this machine: one repository, made of the files of a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BLOCK = 1 << 12


class TreeHub:
    """Tells its files as Hugging Face does, and gives them by ranges.

    gate: closed, it gives `free` bytes of an answer and waits; asked: (file, first byte) of each request.
    """

    def __init__(self, folder: Path, repository: str):
        self.gate, self.free, self.asked = threading.Event(), 0, list[tuple[str, int]]()
        self.gate.set()
        self.files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                if path == f"/api/models/{repository}/tree/main":
                    self.give(200, json.dumps([*map(hub.entry, hub.files), {"type": "directory"}]).encode())
                    return
                name = path.removeprefix(f"/{repository}/resolve/main/")
                if name not in hub.files:
                    self.give(404, b"")
                    return
                start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
                hub.asked.append((name, start))
                self.give(206 if start else 200, hub.files[name].read_bytes()[start:])

            def give(self, status: int, data: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                for at in range(0, len(data), BLOCK):
                    if at >= hub.free:
                        hub.gate.wait(60)
                    try:
                        self.wfile.write(data[at : at + BLOCK])
                    except OSError:
                        return

            def log_message(self, *given: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def entry(self, name: str) -> dict[str, Any]:
        data = self.files[name].read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        told: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": git}
        if name.endswith(".safetensors"):
            told |= {"oid": "0" * 40, "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}}
        return told

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

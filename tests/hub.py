"""Servers on this machine that are asked for files; one is a hub with one repository, made of the files of a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class FileServer:
    """Gives files by ranges, and can be held back.

    gate: closed, it gives `free` bytes of an answer, in blocks, and waits.
    """

    def __init__(self, free: int, block: int):
        self.gate, self.free = threading.Event(), free
        self.gate.set()
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
                data = files.answer(self.path.split("?")[0], start)
                self.send_response(404 if data is None else 206 if start else 200)
                data = data or b""
                self.send_header("Content-Length", str(len(data)))
                if start:
                    end = start + len(data)
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
                self.end_headers()
                for at in range(0, len(data), block):
                    if at >= files.free:
                        files.gate.wait(60)
                    try:
                        self.wfile.write(data[at : at + block])
                    except OSError:
                        return

            def log_message(self, *given: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, start: int) -> bytes | None:
        """What is at a path from byte `start` on, None if nothing is."""
        raise NotImplementedError

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class TreeHub(FileServer):
    """Tells its files as Hugging Face does. asked: (file, first byte) of each request."""

    def __init__(self, folder: Path, repository: str):
        self.repository, self.asked = repository, list[tuple[str, int]]()
        self.files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        super().__init__(free=0, block=1 << 12)

    def answer(self, path: str, start: int) -> bytes | None:
        if path == f"/api/models/{self.repository}/tree/main":
            return json.dumps([*map(self.entry, self.files), {"type": "directory"}]).encode()
        name = path.removeprefix(f"/{self.repository}/resolve/main/")
        if name not in self.files:
            return None
        self.asked.append((name, start))
        return self.files[name].read_bytes()[start:]

    def entry(self, name: str) -> dict[str, Any]:
        data = self.files[name].read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        told: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": git}
        if name.endswith(".safetensors"):
            told |= {"oid": "0" * 40, "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}}
        return told

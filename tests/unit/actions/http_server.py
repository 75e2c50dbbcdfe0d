"""An HTTP server on loopback with good and hostile answers."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BOMB = gzip.compress(b"0" * 50_000_000)
BOMB_IN_A_BOMB = gzip.compress(gzip.compress(b"0" * 200_000_000, 1))


class Handler(BaseHTTPRequestHandler):
    """Answers by path; `/echo` tells what was sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        path = self.path.partition("?")[0].strip("/").replace("-", "_")
        getattr(self, f"answer_{path}")(body)

    do_POST = do_PUT = do_GET  # noqa: N815

    def answer_echo(self, body: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        facts = {"method": self.command, "path": self.path, "body": body, "headers": headers}
        self.send(200, json.dumps(facts).encode(), {"Set-Cookie": "taste=sweet"})

    def answer_text(self, body: str) -> None:
        kind = {"Content-Type": "text/plain; charset=latin-1"}
        self.send(200, "Grüße".encode("latin-1"), kind)

    def answer_teapot(self, body: str) -> None:
        self.send(418, b'{"short": true}', {})

    def answer_moved(self, body: str) -> None:
        self.send(302, b"", {"Location": "/echo"})

    def answer_away(self, body: str) -> None:
        self.send(302, b"", {"Location": "http://169.254.169.254/latest"})

    def answer_file(self, body: str) -> None:
        self.send(302, b"", {"Location": "file:///etc/passwd"})

    def answer_round(self, body: str) -> None:
        self.send(302, b"", {"Location": "/round"})

    def answer_bomb(self, body: str) -> None:
        self.send(200, BOMB, {"Content-Encoding": "gzip"})

    def answer_endless(self, body: str) -> None:
        self.begin({"Transfer-Encoding": "chunked"})
        while not self.server.is_ending:  # type: ignore[attr-defined]
            self.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    def answer_drip(self, body: str) -> None:
        self.begin({"Content-Length": "100000"})
        while not self.server.is_ending:  # type: ignore[attr-defined]
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.02)

    def answer_moved_with_a_bomb(self, body: str) -> None:
        self.send(302, BOMB, {"Location": "/text", "Content-Encoding": "gzip"})

    def answer_moved_without_end(self, body: str) -> None:
        self.begin({"Location": "/text", "Transfer-Encoding": "chunked"}, 302)
        while not self.server.is_ending:  # type: ignore[attr-defined]
            self.wfile.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    def answer_moved_inside(self, body: str) -> None:
        host = self.headers["X-Host"]
        self.send(302, b"", {"Location": f"http://{host}/"})

    def answer_bomb_in_a_bomb(self, body: str) -> None:
        self.send(200, BOMB_IN_A_BOMB, {"Content-Encoding": "gzip, gzip"})

    def answer_many_layers(self, body: str) -> None:
        self.send(200, b"x", {"Content-Encoding": ", ".join(["gzip"] * 50)})

    def answer_headers_without_end(self, body: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while not self.server.is_ending:  # type: ignore[attr-defined]
            number += 1
            self.wfile.write(b"X-Header-%d: 1\r\n" % number)

    def answer_one_endless_header(self, body: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Header: ")
        while not self.server.is_ending:  # type: ignore[attr-defined]
            self.wfile.write(b"x" * 4096)

    def answer_headers_that_drip(self, body: str) -> None:
        while not self.server.is_ending:  # type: ignore[attr-defined]
            self.wfile.write(b"H")
            self.wfile.flush()
            time.sleep(0.02)

    def answer_patience(self, body: str) -> None:
        while not self.server.is_ending:  # type: ignore[attr-defined]
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def answer_silent(self, body: str) -> None:
        while not self.server.is_ending:  # type: ignore[attr-defined]
            time.sleep(0.02)

    def begin(self, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.begin({"Content-Length": str(len(body)), **headers}, status)
        self.wfile.write(body)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        return


@contextmanager
def http_server() -> Iterator[str]:
    """Serve on a free port; gives the address without a path."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.is_ending = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.is_ending = True  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()

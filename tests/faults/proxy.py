"""A proxy before a server that can be slow, deaf or cut, and lose the answer to a commit."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

CHUNK: Final = 65536


class Proxy:
    """Hands on what comes to `port`; one thread for each connection.

    `delay` is in seconds for each piece; while `is_deaf` nothing is handed on.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.delay = 0.0
        self.is_deaf = False
        self.lost_commits = 0
        self._commits_to_lose = 0
        self._connect = connect
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_all(self) -> int:
        """Reset all connections."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            _reset(pair)
        return len(pairs)

    def lose_commit_replies(self, count: int) -> None:
        """Let so many commits reach the server and cut the connection before the answer."""
        with self._lock:
            self._commits_to_lose = count

    def heal(self) -> None:
        self.delay, self.is_deaf = 0.0, False
        self.lose_commit_replies(0)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        for one in (client, server):
            with suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        try:
            self._hand_on(client, server)
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._pairs.discard(pair)
            for one in pair:
                one.close()

    def _hand_on(self, client: socket.socket, server: socket.socket) -> None:
        is_doomed = False
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                ready = selector.select(timeout=1)
                while self.is_deaf:
                    time.sleep(0.05)
                for key, _ in ready:
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(CHUNK)
                    if not data or (is_doomed and source is server):
                        return
                    if self.delay:
                        time.sleep(self.delay)
                    is_doomed = is_doomed or (source is client and self._is_lost(data))
                    target.sendall(data)

    def _is_lost(self, data: bytes) -> bool:
        if not self._commits_to_lose or b"COMMIT" not in data:
            return False
        with self._lock:
            if not self._commits_to_lose:
                return False
            self._commits_to_lose -= 1
            self.lost_commits += 1
            return True


def _reset(pair: tuple[socket.socket, socket.socket]) -> None:
    for one in pair:
        with suppress(OSError):
            # No time to linger: the other side gets a reset.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            one.shutdown(socket.SHUT_RDWR)

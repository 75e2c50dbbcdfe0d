"""The log of all children in one stream.

Whole lines, each with the name of its process in front; or, if the log is JSON, one object a line.
"""

from __future__ import annotations

import json
import os
import selectors
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

READ_BYTES: Final = 65536
NAME_WIDTH: Final = 14
LONGEST_LINE_BYTES: Final = 16384  # a longer one is cut into several
COLOURS: Final = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)


@dataclass(slots=True)
class _Pipe:
    name: str
    is_prefixed: bool
    rest: bytes = b""


class Output:
    """Reads the children's pipes and writes the log.

    `on_closed` is called when the other side has gone away. `as_json` makes an object of every
    line that is not one by itself, such as those of the servers.
    """

    def __init__(
        self, log: IO[str], on_closed: Callable[[], object], *, as_json: bool = False
    ) -> None:
        self._log = log
        self._on_closed = on_closed
        self._selector = selectors.DefaultSelector()
        self._as_json = as_json
        self._colours: dict[str, int] | None = {} if log.isatty() else None

    def watch(self, name: str, pipe: IO[bytes], *, prefixed: bool = True) -> None:
        """Take over a child's output from now on; the pipe is ours to close."""
        descriptor = os.dup(pipe.fileno())
        pipe.close()
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, _Pipe(name, prefixed))

    def wake_on(self, descriptor: int) -> None:
        """Let `pump` return early when there is something to read here.

        The end of it counts as a closed log.
        """
        self._selector.register(descriptor, selectors.EVENT_READ, None)

    def pump(self, seconds: float) -> None:
        """Wait for output at most this long, and write what has come."""
        for key, _events in self._selector.select(seconds):
            chunk = b""
            with suppress(BlockingIOError):
                chunk = os.read(key.fd, READ_BYTES)
                if not chunk:
                    self._finish(key)
            if chunk and key.data is not None:
                self._take(key.data, chunk)

    def say(self, name: str, text: str) -> None:
        """Write a line of our own in the manner of the log."""
        self._write(self._named(name, text))

    def show(self, text: str) -> None:
        """Write text for people as it is."""
        self._write(f"{text}\n")

    def _take(self, pipe: _Pipe, chunk: bytes) -> None:
        *lines, pipe.rest = (pipe.rest + chunk).split(b"\n")
        if len(pipe.rest) > LONGEST_LINE_BYTES:
            lines, pipe.rest = [*lines, pipe.rest], b""
        self._write("".join(self._line(pipe, line) for line in lines))

    def _finish(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fd)
        if key.data is None:
            self._on_closed()
            return
        os.close(key.fd)
        if key.data.rest:
            self._write(self._line(key.data, key.data.rest))

    def _line(self, pipe: _Pipe, line: bytes) -> str:
        text = line.decode("utf-8", "replace").rstrip()
        if pipe.is_prefixed and not text:
            return ""
        return self._named(pipe.name, text) if pipe.is_prefixed else f"{text}\n"

    def _named(self, name: str, text: str) -> str:
        if not self._as_json:
            return f"{self._prefix(name)}{text}\n"
        if text.startswith("{") and text.endswith("}"):
            return f"{text}\n"
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": "INFO", "process": name, "message": text}
        return f"{json.dumps(line)}\n"

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{NAME_WIDTH}} | "
        if self._colours is None:
            return prefix
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\x1b[{colour}m{prefix}\x1b[0m"

    def _write(self, text: str) -> None:
        try:
            self._log.write(text)
            self._log.flush()
        except OSError:
            self._on_closed()

"""The server that is measured: one of our own, made as `manage.py up` does, or a given one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.client import BenchmarkFailed
from workflows.embedded.processes import find_marked, name_of
from workflows.embedded.state import read_state

ROOT: Final = Path(__file__).resolve().parents[1]
START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 60.0


@dataclass
class Target:
    """Where the server is. Without the URLs of its servers some figures are left out."""

    url: str
    token: str = ""
    database_url: str = ""
    redis_url: str = ""
    data_directory: Path | None = None

    def memory(self) -> dict[str, float]:
        """The megabytes of each process: what is its own, and its part of what it shares."""
        if self.data_directory is None:
            return {}
        sizes: dict[str, float] = {}
        for pid in _with_descendants(find_marked(self.data_directory)):
            with suppress(OSError):
                name = _describe(pid)
                sizes[name] = sizes.get(name, 0) + _proportional_size(pid)
        return {name: round(size, 1) for name, size in sorted(sizes.items())}


class OwnStack:
    """A fresh stack with data of its own, which is gone afterwards."""

    def __init__(self, port: int = 0, keep: Path | None = None) -> None:
        self._port = port or _free_port()
        self._directory = keep or Path(tempfile.mkdtemp(prefix="levante-bench-"))
        self._is_kept = keep is not None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Target:
        data_directory = (self._directory / "data").resolve()
        command = [sys.executable, "manage.py", "up", "--port", str(self._port), "--no-auth"]
        command += ["--flower-port", str(_free_port()), "--no-examples"]
        command += ["--data-dir", str(data_directory)]
        ours = ("DATABASE_URL", "REDIS_URL", "LEVANTE_DATA_DIR", "DJANGO_SETTINGS_MODULE")
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        url = f"http://127.0.0.1:{self._port}"
        try:
            self._wait_until_ready(url)
        except BaseException:
            self.__exit__()
            raise
        state = read_state(data_directory)
        assert state is not None
        return Target(
            url=url,
            database_url=state.database_url,
            redis_url=state.redis_url,
            data_directory=data_directory,
        )

    def __exit__(self, *_error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if not self._is_kept:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _wait_until_ready(self, url: str) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(f"{url}/readyz", timeout=5),  # noqa: S310
            ):
                return
            time.sleep(0.2)
        log = (self._directory / "up.log").read_text(errors="replace")[-3000:]
        raise BenchmarkFailed(f"the server does not start:\n{log}")


def _with_descendants(pids: list[int]) -> set[int]:
    """Add what these processes have started: PostgreSQL's sessions hide their environment."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            facts = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parents[int(entry.name)] = int(facts[1])
    found = set(pids)
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found


def _describe(pid: int) -> str:
    program = name_of(pid)
    if not program.startswith("python"):
        return program
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    for entry in environment:
        name, _, value = entry.partition(b"=")
        if name == b"LEVANTE_PROCESS_NAME":
            return value.decode()
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if b"flower" in words:
        return "flower"
    return program


def _proportional_size(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

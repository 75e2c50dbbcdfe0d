"""The whole service as a newcomer starts it, for tests that need real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 40.0


@dataclass
class LiveStack:
    """`manage.py up` with data of its own; `options` are added to its command line."""

    directory: Path
    options: tuple[str, ...] = ("--no-auth", "--no-examples", "--workers", "4")
    port: int = 0
    flower_port: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.flower_port = self.flower_port or free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    @property
    def log(self) -> Path:
        return self.directory / "up.log"

    def start(self) -> LiveStack:
        self.start_without_waiting()
        self._wait_until_ready()
        return self

    def start_without_waiting(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
        command += ["--flower-port", str(self.flower_port)]
        command += ["--data-dir", str(self.directory / "data"), *self.options]
        without = ("DATABASE_URL", "REDIS_URL", "LEVANTE_DATA_DIR", "LEVANTE_SECRET_KEY")
        environment = {key: value for key, value in os.environ.items() if key not in without}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        environment |= self.settings
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def stop(self) -> int:
        """Interrupt it, as Ctrl-C does, and give its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def processes(self, *words: str) -> list[int]:
        """The processes of this stack whose name and command line together have all the words."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = "".join(
                        (entry / file).read_bytes().decode(errors="replace")
                        for file in ("comm", "cmdline")
                    )
                    environment = (entry / "environ").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if str(self.directory) in command + environment and all(
                    w in command for w in words
                ):
                    found.append(int(entry.name))
        return found

    def workers(self) -> list[int]:
        """The processes of the workers of this stack, with their parents."""
        return [*self.processes("worker-engine"), *self.processes("worker-actions")]

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise AssertionError(f"the service does not start:\n{self.log.read_text()[-5000:]}")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_python(program: str) -> str:
    """What a program writes that is run by a Python of its own, with the settings of the tests."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()

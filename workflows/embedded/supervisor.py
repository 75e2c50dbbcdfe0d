"""Run child processes, restart those that die, and stop all of them, whatever happens.

One thread, one loop: it waits for output, for the end of a child, and for a signal. Signals only
raise a flag that the loop looks at, so they are heard at any moment, also while a start is under
way, and never between two lines that belong together.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from workflows.embedded.output import Output
from workflows.embedded.processes import mark_of, signal_group, stop_marked

IDLE_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.05
FIRST_BACKOFF_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0  # a child that ran this long starts again with the first back-off
STRAY_GRACE_SECONDS: Final = 2.0
STARTS_BEFORE_GIVING_UP: Final = 4  # only while others wait for the service
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """The user asked for the end while something was being started."""


class ServiceFailed(Exception):
    """A process that the start cannot do without has failed."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that has to run all the time."""

    name: str
    command: list[str]
    rank: int = 0  # order of the end: the lowest first
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    directory: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # beside our own
    before_start: Callable[[], object] | None = None  # called before each start
    descriptors: tuple[int, ...] = ()  # inherited by the program
    ends_with_us: bool = (
        False  # it stops by itself when its input ends; it is no part of the stop by signals
    )


@dataclass(slots=True)
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    started_at: float = 0.0
    backoff: float = FIRST_BACKOFF_SECONDS
    start_again_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Owns all processes of one data directory from their start to their end."""

    data_directory: Path
    log: IO[str] = field(default_factory=lambda: sys.stdout)
    output: Output = field(init=False)
    _children: dict[str, _Child] = field(init=False, default_factory=dict)
    _stop_requests: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        as_json = os.environ.get("LEVANTE_LOG_FORMAT", "").strip().lower() == "json"
        self.output = Output(self.log, self.request_stop, as_json=as_json)

    def listen(self) -> None:
        """Hear signals from here on.

        Those that ask for the end, and the one that says that a child ended.
        """
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        self.output.wake_on(reader)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in STOP_SIGNALS:
            if (
                signal.getsignal(number) is not signal.SIG_IGN
            ):  # nohup ignores the hang-up on purpose
                signal.signal(number, lambda _number, _frame: self.request_stop())

    def request_stop(self) -> None:
        """Ask for the end. Asking twice shortens the time that the children get."""
        self._stop_requests += 1

    def is_stopping(self) -> bool:
        return self._stop_requests > 0

    def start(self, service: Service) -> None:
        """Start a service and keep it running from now on."""
        self.check_stop()
        self._children[service.name] = child = _Child(service)
        self._start_child(child)

    def run(self, service: Service, *, prefixed: bool = True) -> None:
        """Run a program to its end with its output in the log; raise ServiceFailed if it fails."""
        self.check_stop()
        name = service.name
        process = self._spawn(service)
        self._watch(name, process, prefixed=prefixed)
        self._wait_for_end(process)
        self.output.pump(0)
        if process.returncode:
            raise ServiceFailed(f"{name} failed ({describe_end(process.returncode)})")

    def run_quietly(self, service: Service, text: str) -> None:
        """Run a program to its end with this input; its output is shown only if it fails."""
        self.check_stop()
        name = service.name
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as written:
            given.write(text.encode())
            given.seek(0)
            process = self._spawn(service, given=given, written=written)
            self._wait_for_end(process)
            if process.returncode:
                written.seek(0)
                self.output.show(written.read().decode("utf-8", "replace"))
                raise ServiceFailed(f"{name} failed ({describe_end(process.returncode)})")

    def wait_until(self, name: str, check: Callable[[], bool], seconds: float) -> None:
        """Wait until the service is ready.

        Raise ServiceFailed if it takes too long or cannot stay up.
        """
        deadline = time.monotonic() + seconds
        while not check():
            self.check_stop()
            child = self._children.get(name)
            if (
                child is not None
                and child.starts >= STARTS_BEFORE_GIVING_UP
                and child.process is None
            ):
                raise ServiceFailed(f"{name} does not start")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{name} is not ready after {seconds:.0f} seconds")
            self._pump(POLL_SECONDS)

    def keep_running(self) -> None:
        """Restart what dies, until the end is asked for."""
        while not self.is_stopping():
            self._pump(IDLE_SECONDS)

    def stop(self) -> None:
        """End everything, by rank, and then whatever else was started by what has ended."""
        running = [child for child in self._children.values() if child.process is not None]
        by_signal = [child for child in running if not child.service.ends_with_us]
        for rank in sorted({child.service.rank for child in by_signal}):
            self._stop_children([child for child in by_signal if child.service.rank == rank])
        by_input = [
            child.process for child in running if child.service.ends_with_us and child.process
        ]
        stop_marked(self.data_directory, STRAY_GRACE_SECONDS)
        for process in by_input:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
        self.output.pump(0)

    def pid_of(self, name: str) -> int | None:
        """Return the process number of a service, None while it is down."""
        process = self._children[name].process
        return None if process is None else process.pid

    def check_stop(self) -> None:
        """Raise StopRequested if the end was asked for."""
        if self.is_stopping():
            raise StopRequested

    def _pump(self, seconds: float) -> None:
        self.output.pump(seconds)
        for child in self._children.values():
            if child.process is not None and child.process.poll() is not None:
                self._note_end(child, child.process)
            elif child.process is None and time.monotonic() >= child.start_again_at:
                self._start_child(child)

    def _note_end(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        # What the program has started may outlive it and would work beside its successor.
        signal_group(process.pid, signal.SIGKILL)
        child.process = None
        if time.monotonic() - child.started_at > STEADY_SECONDS:
            child.backoff = FIRST_BACKOFF_SECONDS
        child.start_again_at = time.monotonic() + child.backoff
        self.output.say(
            "levante",
            f"{child.service.name} ended ({describe_end(process.returncode)}),"
            f" starting it again in {child.backoff:g} s",
        )
        child.backoff = min(child.backoff * 2, LONGEST_BACKOFF_SECONDS)

    def _start_child(self, child: _Child) -> None:
        service = child.service
        if service.before_start is not None:
            service.before_start()
        child.started_at = time.monotonic()
        child.starts += 1
        if service.ends_with_us:
            child.process = self._spawn_warden(service)
        else:
            child.process = self._spawn(service)
        self._watch(service.name, child.process)

    def _spawn(
        self,
        service: Service,
        *,
        given: IO[bytes] | int = subprocess.DEVNULL,
        written: IO[bytes] | int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            service.command,
            cwd=service.directory,
            env={**os.environ, **service.environment, **mark_of(self.data_directory)},
            stdin=given,
            stdout=written,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches us alone, and we end the children in the right
            # order.
            start_new_session=True,
        )

    def _spawn_warden(self, service: Service) -> subprocess.Popen[bytes]:
        # Without the mark, or it would end itself.
        return subprocess.Popen(
            service.command,
            cwd=service.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=service.descriptors,
        )

    def _watch(self, name: str, process: subprocess.Popen[bytes], *, prefixed: bool = True) -> None:
        assert process.stdout is not None
        self.output.watch(name, process.stdout, prefixed=prefixed)

    def _wait_for_end(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self.is_stopping():
                self._end_process(process)
                raise StopRequested
            self._pump(POLL_SECONDS)

    def _stop_children(self, children: list[_Child]) -> None:
        processes = [(child, child.process) for child in children if child.process is not None]
        for child, process in processes:
            process.send_signal(child.service.stop_signal)
        asked_at = time.monotonic()
        while waiting := [pair for pair in processes if pair[1].poll() is None]:
            self.output.pump(POLL_SECONDS)
            passed = time.monotonic() - asked_at
            for child, process in waiting:
                # Servers are never cut short: they have others' data to put away.
                is_hurried = self._stop_requests > 1 and child.service.rank == 0
                if is_hurried or passed > child.service.grace_seconds:
                    signal_group(process.pid, signal.SIGKILL)
        for child, process in processes:
            signal_group(process.pid, signal.SIGKILL)
            child.process = None

    def _end_process(self, process: subprocess.Popen[bytes]) -> None:
        signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STRAY_GRACE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            self.output.pump(POLL_SECONDS)
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def describe_end(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

"""Processes that one program forks once it has loaded everything, so that they share that memory.

One thread, one loop: it waits for a signal, of which one says that a process ended and another one
that it is time to fork it anew.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from workflows.embedded.processes import take_name
from workflows.embedded.supervisor import (
    FIRST_BACKOFF_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    STEADY_SECONDS,
    describe_end,
)

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
_WATCHED: Final = (*STOP_SIGNALS, signal.SIGCHLD, signal.SIGALRM)


@dataclass(slots=True)
class Member:
    """One process: what it runs until it is told to stop, and the signal that tells it."""

    name: str
    run: Callable[[str], int]  # takes the name, gives the exit code
    stop_signal: signal.Signals = signal.SIGTERM
    pid: int = 0
    started_at: float = 0.0
    start_again_at: float = 0.0
    backoff: float = FIRST_BACKOFF_SECONDS


class Family:
    """Forks its members, forks those anew that ended, and ends when all of them have."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members

    def run(self) -> None:
        """Keep the members running until a signal asks for the end.

        In a member this leaves by SystemExit, so that all is put away as at the end of a program.
        """
        # They are never delivered, but waited for; without a handler some systems drop this one.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        while True:
            self._start_due()
            if signal.sigwait(_WATCHED) in STOP_SIGNALS:
                break
            self._note_ends()
        self._stop()

    def _start_due(self) -> None:
        waiting = [member for member in self._members if not member.pid]
        now = time.monotonic()
        for member in waiting:
            if member.start_again_at <= now:
                self._fork(member)
        later = [member.start_again_at - now for member in waiting if not member.pid]
        signal.setitimer(signal.ITIMER_REAL, max(min(later), 0.001) if later else 0)

    def _fork(self, member: Member) -> None:
        member.started_at = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        member.pid = os.fork()
        if member.pid == 0:
            take_name(member.name)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            sys.exit(member.run(member.name))

    def _note_ends(self) -> None:
        while pid_and_status := _reap(os.WNOHANG):
            pid, status = pid_and_status
            for member in self._members:
                if member.pid == pid:
                    self._note_end(member, os.waitstatus_to_exitcode(status))

    def _note_end(self, member: Member, code: int) -> None:
        now = time.monotonic()
        if now - member.started_at > STEADY_SECONDS:
            member.backoff = FIRST_BACKOFF_SECONDS
        member.pid = 0
        member.start_again_at = now + member.backoff
        print(  # noqa: T201 (goes to the log of whoever has started us)
            f"{member.name} ended ({describe_end(code)}),"
            f" starting it again in {member.backoff:g} s",
            flush=True,
        )
        member.backoff = min(member.backoff * 2, LONGEST_BACKOFF_SECONDS)

    def _stop(self) -> None:
        for member in self._members:
            if member.pid:
                with suppress(ProcessLookupError):
                    os.kill(member.pid, member.stop_signal)
        while _reap(0):
            pass


def _reap(options: int) -> tuple[int, int] | None:
    """Return number and status of a process that has ended; None if there is none."""
    try:
        pid, status = os.waitpid(-1, options)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None

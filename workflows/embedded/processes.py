"""Find and end the processes of one data directory, also those that a killed run left behind.

Every process that the supervisor starts carries a mark in its environment, which its own children
inherit. So nothing has to be written down at the right moment, and no process number is trusted.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

PROCESS_TABLE = Path("/proc")
MARK = "LEVANTE_SUPERVISED_IN"  # environment variable; its value is the data directory
POLL_SECONDS = 0.05

# Servers end last, since the others need them to finish their work.
SERVER_PROGRAMS = frozenset({"postgres", "redis-server", "valkey-server"})


def mark_of(data_directory: Path) -> dict[str, str]:
    """Return the environment that marks a process as one of this data directory."""
    return {MARK: str(data_directory)}


def take_name(name: str) -> None:
    """Show this process under a name of its own, such as in `top`; on systems with /proc."""
    with suppress(OSError):
        (PROCESS_TABLE / "self" / "comm").write_text(name)


def name_of(pid: int) -> str:
    """Return the name under which a process is shown; empty if it is gone."""
    try:
        return (PROCESS_TABLE / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def find_marked(data_directory: Path) -> list[int]:
    """Return all running processes of this data directory except ourselves.

    On systems without /proc none.
    """
    wanted = os.fsencode(f"{MARK}={data_directory}")
    found = []
    for entry in PROCESS_TABLE.glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid() and is_running(pid)]


def is_running(pid: int) -> bool:
    """Say whether the process exists and is more than the zombie of one."""
    if not PROCESS_TABLE.is_dir():
        return _takes_signals(pid)
    try:
        status = (PROCESS_TABLE / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The program's name stands in parentheses and may hold blanks; the state follows it.
    return status.rpartition(")")[2].split()[0] not in "ZX"


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def program_of(pid: int) -> str:
    """Return the short name of the program that the process runs, empty if it has ended."""
    try:
        return (PROCESS_TABLE / str(pid) / "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def stop_marked(
    data_directory: Path, grace_seconds: float, *, spare: frozenset[int] = frozenset()
) -> None:
    """End everything that runs for this data directory, servers last.

    What outlives the grace is killed.
    """
    for servers in (False, True):
        chosen = [
            pid
            for pid in find_marked(data_directory)
            if pid not in spare and (program_of(pid) in SERVER_PROGRAMS) is servers
        ]
        # PostgreSQL takes an interrupt as "end the sessions", a plain terminate as "wait for them".
        stop_processes(chosen, signal.SIGINT if servers else signal.SIGTERM, grace_seconds)


def stop_processes(pids: list[int], number: signal.Signals, grace_seconds: float) -> None:
    """Send the signal, wait, and kill those that are still there."""
    for chosen_signal in (number, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, chosen_signal)
        deadline = time.monotonic() + grace_seconds
        while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        pids = [pid for pid in pids if is_running(pid)]


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to all processes of a group; a group that has ended is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)

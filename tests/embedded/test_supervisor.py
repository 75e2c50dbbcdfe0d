"""The supervisor with small programs in place of servers."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workflows.embedded.processes import find_marked, is_running
from workflows.embedded.supervisor import Service, ServiceFailed, StopRequested, Supervisor

Script = Callable[[str], list[str]]
NEVER_ENDS = "import time; print('up', flush=True); time.sleep(1000)"


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, log: io.StringIO) -> Supervisor:
    return Supervisor(tmp_path, log)


def wait_for_line(supervisor: Supervisor, log: io.StringIO, text: str) -> None:
    supervisor.wait_until(text, lambda: text in log.getvalue(), 10)


def test_a_line_of_output_has_the_name_of_its_process_in_front(
    supervisor: Supervisor, log: io.StringIO, script: Script
) -> None:
    supervisor.run(Service("greeter", script("print('hello'); print('wor', end='')")))
    supervisor.stop()
    assert log.getvalue().splitlines() == ["greeter        | hello", "greeter        | wor"]


def test_a_child_that_dies_is_started_again_later_each_time(
    supervisor: Supervisor, log: io.StringIO, script: Script
) -> None:
    supervisor.start(Service("weak", script("raise SystemExit(3)")))
    wait_for_line(supervisor, log, "weak ended (exit code 3), starting it again in 0.5 s")
    wait_for_line(supervisor, log, "weak ended (exit code 3), starting it again in 1 s")
    supervisor.stop()
    assert find_marked(supervisor.data_directory) == []


def test_a_start_is_given_up_when_the_service_cannot_stay_up(
    supervisor: Supervisor, script: Script
) -> None:
    supervisor.start(Service("weak", script("raise SystemExit(3)")))
    with pytest.raises(ServiceFailed, match="weak does not start"):
        supervisor.wait_until("weak", lambda: False, 30)
    supervisor.stop()


def test_a_child_that_ignores_the_signal_is_killed_after_its_grace(
    supervisor: Supervisor, log: io.StringIO, script: Script
) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    supervisor.start(Service("deaf", script(ignore + NEVER_ENDS), grace_seconds=0.3))
    wait_for_line(supervisor, log, "up")
    started = time.monotonic()
    supervisor.stop()
    assert 0.3 <= time.monotonic() - started < 3
    assert find_marked(supervisor.data_directory) == []


def test_what_a_child_has_started_in_a_session_of_its_own_ends_as_well(
    supervisor: Supervisor, log: io.StringIO, script: Script
) -> None:
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {NEVER_ENDS!r}]"
    supervisor.start(Service("parent", script(f"{start}, start_new_session=True)\n{NEVER_ENDS}")))
    supervisor.wait_until("both", lambda: log.getvalue().count("up") == 2, 10)
    supervisor.stop()
    assert find_marked(supervisor.data_directory) == []


def test_services_end_by_rank_and_servers_last(
    supervisor: Supervisor, log: io.StringIO, script: Script
) -> None:
    say = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')))\n"
    supervisor.start(Service("server", script(say + NEVER_ENDS), rank=1))
    supervisor.start(Service("client", script(say + NEVER_ENDS)))
    supervisor.wait_until("both", lambda: log.getvalue().count("up") == 2, 10)
    supervisor.stop()
    ends = [line.split()[0] for line in log.getvalue().splitlines() if "bye" in line]
    assert ends == ["client", "server"]


def test_the_end_can_be_asked_for_while_a_program_runs(
    supervisor: Supervisor, script: Script, tmp_path: Path
) -> None:
    mark = tmp_path / "runs"
    command = script(f"open({str(mark)!r}, 'w').close()\n{NEVER_ENDS}")
    supervisor.start(Service("asker", script("pass"), before_start=supervisor.request_stop))
    with pytest.raises(StopRequested):
        supervisor.run(Service("long", command))
    supervisor.stop()
    assert find_marked(supervisor.data_directory) == []


def test_a_program_that_fails_stops_the_start(supervisor: Supervisor, script: Script) -> None:
    with pytest.raises(ServiceFailed, match=r"migrate failed \(exit code 7\)"):
        supervisor.run(Service("migrate", script("raise SystemExit(7)")))


def test_quiet_output_is_shown_only_on_failure(
    supervisor: Supervisor, log: io.StringIO, script: Script
) -> None:
    supervisor.run_quietly(Service("initdb", script("print(input())")), "fine\n")
    assert log.getvalue() == ""
    with pytest.raises(ServiceFailed):
        supervisor.run_quietly(
            Service("initdb", script("raise SystemExit(input())")), "disk full\n"
        )
    assert "disk full" in log.getvalue()


def test_processes_of_another_data_directory_are_left_alone(
    supervisor: Supervisor, log: io.StringIO, script: Script, tmp_path: Path
) -> None:
    supervisor.start(Service("ours", script(NEVER_ENDS)))
    wait_for_line(supervisor, log, "up")
    pid = supervisor.pid_of("ours")
    assert pid is not None
    Supervisor(tmp_path / "other", io.StringIO()).stop()
    assert is_running(pid)
    supervisor.stop()
    assert not is_running(pid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)

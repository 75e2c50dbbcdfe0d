"""The embedded servers through all that may happen to them."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.embedded.runs import Run, lock_owner, wait_for, wait_until_empty
from workflows.embedded.processes import find_marked, program_of
from workflows.embedded.state import ServersState, read_state

Start = Callable[[Path], Run]


def ask(state: ServersState, statement: str) -> object:
    with psycopg.connect(state.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def test_both_servers_answer_at_the_addresses_in_the_state_file(
    tmp_path: Path, run_servers: Start
) -> None:
    state = run_servers(tmp_path / "data").wait_until_ready()
    assert str(ask(state, "SHOW server_version")).startswith("18")
    with redis.Redis.from_url(state.redis_url) as broker:
        assert broker.ping()
        assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert broker.config_get("appendonly") == {"appendonly": "yes"}


def test_only_the_owner_can_read_addresses_and_passwords(
    tmp_path: Path, run_servers: Start
) -> None:
    run_servers(tmp_path / "data").wait_until_ready()
    for name in ("servers.json", "postgres.password", "redis.password", "redis/redis.conf"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    for folder in (tmp_path / "data", (tmp_path / "data" / "sockets").resolve()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_servers_refuse_a_wrong_password(tmp_path: Path, run_servers: Start) -> None:
    state = run_servers(tmp_path / "data").wait_until_ready()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(state.database_url, password="guess", autocommit=True)
    address = urlsplit(state.redis_url)
    once = Retry(NoBackoff(), 0)
    broker = redis.Redis("127.0.0.1", address.port or 0, password="guess", retry=once)
    with broker, pytest.raises(redis.AuthenticationError):
        broker.ping()


def test_the_application_is_no_superuser_of_the_database(
    tmp_path: Path, run_servers: Start
) -> None:
    state = run_servers(tmp_path / "data").wait_until_ready()
    assert ask(state, "SHOW is_superuser") == "off"
    assert ask(state, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True


def test_a_stop_ends_every_process_and_removes_the_traces(
    tmp_path: Path, run_servers: Start
) -> None:
    run = run_servers(tmp_path / "data")
    run.wait_until_ready()
    sockets = (tmp_path / "data" / "sockets").readlink()
    assert run.stop(signal.SIGINT) == 0
    assert find_marked(run.data_directory) == []
    assert read_state(run.data_directory) is None
    assert not sockets.exists()


def test_data_are_there_after_a_restart(tmp_path: Path, run_servers: Start) -> None:
    run = run_servers(tmp_path / "data")
    state = run.wait_until_ready()
    ask(state, "CREATE TABLE kept AS SELECT 41 + 1 AS number")
    run.stop()
    state = run_servers(tmp_path / "data").wait_until_ready()
    assert ask(state, "SELECT number FROM kept") == 42


@pytest.mark.parametrize("is_warden_killed", [False, True])
def test_a_new_start_works_after_kill_9(
    tmp_path: Path, run_servers: Start, is_warden_killed: bool
) -> None:
    run = run_servers(tmp_path / "data")
    state = run.wait_until_ready()
    ask(state, "CREATE TABLE kept AS SELECT 42 AS number")
    if is_warden_killed:
        os.kill(_warden_of(run), signal.SIGKILL)
    run.process.kill()
    run.process.wait()
    state = run_servers(tmp_path / "data").wait_until_ready()
    assert ask(state, "SELECT number FROM kept") == 42


def test_the_servers_end_when_their_supervisor_is_killed(
    tmp_path: Path, run_servers: Start
) -> None:
    run = run_servers(tmp_path / "data")
    run.wait_until_ready()
    sockets = (tmp_path / "data" / "sockets").readlink()
    run.process.kill()
    run.process.wait()
    wait_until_empty(run.data_directory)
    wait_for(lambda: not sockets.exists())


def test_a_lock_file_with_the_number_of_another_process_does_not_keep_postgres_down(
    tmp_path: Path, run_servers: Start
) -> None:
    run = run_servers(tmp_path / "data")
    run.wait_until_ready()
    lock_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    run.stop()
    lock_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    state = run_servers(tmp_path / "data").wait_until_ready()
    assert ask(state, "SELECT 1") == 1


def test_a_long_data_directory_with_blanks_works(tmp_path: Path, run_servers: Start) -> None:
    directory = tmp_path / ("a long name with blanks " * 6).strip() / 'it\'s a "data" directory'
    state = run_servers(directory).wait_until_ready()
    assert ask(state, "SELECT 1") == 1
    with redis.Redis.from_url(state.redis_url) as broker:
        assert broker.ping()


def test_a_second_run_on_the_same_data_is_refused(tmp_path: Path, run_servers: Start) -> None:
    first = run_servers(tmp_path / "data")
    state = first.wait_until_ready()
    second = run_servers(tmp_path / "data")
    assert second.process.wait(10) == 1
    assert f"in use by process {first.process.pid}" in second.log()
    assert ask(state, "SELECT 1") == 1


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3, 0.5])
def test_a_stop_during_the_start_leaves_nothing_behind(
    tmp_path: Path, run_servers: Start, seconds: float
) -> None:
    run = run_servers(tmp_path / "data")
    wait_for((tmp_path / "data" / "up.lock").exists)
    time.sleep(seconds)
    assert run.stop() == 0
    assert find_marked(run.data_directory) == []
    state = run_servers(tmp_path / "data").wait_until_ready()
    assert ask(state, "SELECT 1") == 1


@pytest.mark.parametrize("program", ["postgres", "redis"])
def test_a_server_that_dies_is_started_again_at_the_same_address(
    tmp_path: Path, run_servers: Start, program: str
) -> None:
    run = run_servers(tmp_path / "data")
    state = run.wait_until_ready()
    names = {"postgres": {"postgres"}, "redis": {"redis-server", "valkey-server"}}[program]
    victim = min(pid for pid in find_marked(run.data_directory) if program_of(pid) in names)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: f"{program} ended (signal SIGKILL)" in run.log())
    wait_for(lambda: _is_answering(state))
    assert lock_owner(run.data_directory) == run.process.pid


def _is_answering(state: ServersState) -> bool:
    try:
        with redis.Redis.from_url(state.redis_url) as broker:
            return ask(state, "SELECT 1") == 1 and bool(broker.ping())
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


def _warden_of(run: Run) -> int:
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return next(pid for pid, command in commands.items() if b"warden" in command)

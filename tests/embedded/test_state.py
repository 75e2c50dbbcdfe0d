"""The private files of a data directory."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from workflows.embedded.state import ServersState, keep_secret, read_state, write_state


def test_the_state_is_read_back_as_written(tmp_path: Path) -> None:
    state = ServersState("postgresql://a", "redis://b", os.getpid())
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


def test_the_state_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_state(tmp_path, ServersState())
    assert stat.S_IMODE((tmp_path / "servers.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["servers.json"]


def test_the_state_of_a_run_that_was_killed_does_not_count(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    write_state(tmp_path, ServersState("postgresql://a", "redis://b", ended.pid))
    assert read_state(tmp_path) is None


def test_no_state_and_a_broken_one_mean_that_nothing_runs(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / "servers.json").write_text('{"database_url": ')
    assert read_state(tmp_path) is None


def test_a_secret_stays_the_same_once_it_is_made(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path / "new" / "secret.key")
    assert len(secret) >= 50
    assert keep_secret(tmp_path / "new" / "secret.key") == secret
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]

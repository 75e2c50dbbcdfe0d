"""What all tests share.

PostgreSQL and Redis, started once when the first test asks for one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.db import connections

from config.readers import database_from_url
from tests.live import LiveStack
from workflows.embedded.state import ServersState, read_state

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0


@pytest.fixture(scope="session")
def servers() -> Iterator[ServersState]:
    """The servers that DATABASE_URL and REDIS_URL name.

    Without them our own, with data for this run only.
    """
    named = ServersState(os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""))
    if named.database_url and named.redis_url:
        yield named
        return
    directory = Path(tempfile.mkdtemp(prefix="levante-tests-"))
    # Its input ends when we do, however that may be, and then the servers end as well.
    command = [sys.executable, "-m", "workflows.embedded", "--data-dir", str(directory)]
    log = directory / "servers.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--throw-away", "--until-input-ends"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        started = _wait_for_servers(process, directory, log)
        yield ServersState(
            named.database_url or started.database_url, named.redis_url or started.redis_url
        )
    finally:
        process.communicate(timeout=STOP_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(servers: ServersState) -> str:
    """The database that real processes of a test are given; database tests use one beside it."""
    return servers.database_url


@pytest.fixture(scope="session")
def redis_url(servers: ServersState) -> str:
    return servers.redis_url


@pytest.fixture(scope="session")
def django_db_keepdb(servers: ServersState) -> bool:
    """Leave the database of the tests to its end with our own server, whoever is still in it."""
    return servers.database_url != os.environ.get("DATABASE_URL", "")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Fill in the address of the database just before it is made for the tests."""
    servers: ServersState = request.getfixturevalue("servers")
    address = database_from_url(servers.database_url)
    chosen = {key: address[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    settings.DATABASES["default"] |= chosen
    connections["default"].settings_dict |= chosen


def _wait_for_servers(process: subprocess.Popen[bytes], directory: Path, log: Path) -> ServersState:
    deadline = time.monotonic() + START_SECONDS
    while (state := read_state(directory)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(
                f"the servers for the tests do not start:\n{log.read_text()}", pytrace=False
            )
        time.sleep(0.02)
    return state


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The whole service without authentication, started once."""
    stack = LiveStack(tmp_path_factory.mktemp("live")).start()
    try:
        yield stack
    finally:
        stack.stop()
